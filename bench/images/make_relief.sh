#!/bin/bash
# Makes sample_data/models/relief.flow.h5: some four hours on one core. The flow learns from 2,000 tiles, then from 7,000 of the same
# region, of which half are finer, by their backbone, and last by one with a covariance for each of four classes of tiles; the model keeps 400.
#     bash bench/images/make_relief.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/release/bin/manifill}
python=/usr/bin/python3
mkdir -p build/images
# The test tiles of both are those of sample_data/images.
"$python" bench/images/make_relief.py build/images/relief_train.nc build/images/relief_test.nc
"$python" bench/images/make_relief.py build/images/relief_more.nc build/images/relief_test.nc --shifted-tiles 1500 --finer-tiles 3500
"$program" train prior bench/images/relief_prior.toml --set train.score=false
"$program" train flow bench/images/relief_flow.toml
more=(--set flow.couplings=0 --set flow.weight_energy=0 --set flow.cases=24000 --set flow.fields_per_mask=40)
"$program" train prior bench/images/relief_prior.toml -i build/images/relief_more.nc -o build/relief_wide.prior.h5 --set train.score=false
"$program" train flow bench/images/relief_flow.toml --prior build/relief_wide.prior.h5 "${more[@]}" -o build/relief_wide.flow.h5 \
  --set train.start=build/relief.flow.h5 --set train.log=build/relief_wide.csv --set train.keep_fields=0 --set flow.seed=2 --set flow.minutes=45
"$program" train prior bench/images/relief_prior.toml -i build/images/relief_more.nc -o build/relief_classes.prior.h5 --set score.minutes=20 \
  --set backbone.classes=4
"$program" train flow bench/images/relief_flow.toml --prior build/relief_classes.prior.h5 "${more[@]}" -o sample_data/models/relief.flow.h5 \
  --set train.start=build/relief_wide.flow.h5 --set train.log=build/relief_classes.csv --set flow.base=exact_posterior --set flow.seed=3 \
  --set flow.minutes=60 --set flow.learning_rate=1e-3
