#!/bin/bash
# Makes sample_data/models/relief.flow.h5: some two hours and a half of one core. Prior and flow learn from 7,000 tiles, of which half are finer,
# in four classes from smooth to rough; the model keeps 400.
#     bash bench/images/make_relief.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/release/bin/manifill}
mkdir -p build/images
/usr/bin/python3 bench/images/make_relief.py build/images/relief_train.nc build/images/relief_test.nc --shifted-tiles 1500 --finer-tiles 3500
"$program" train prior bench/images/relief_prior.toml
"$program" train flow bench/images/relief_flow.toml
