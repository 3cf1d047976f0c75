#!/bin/bash
# Makes sample_data/models/mnist.flow.h5: some four and a half hours on one core. The prior's score network learns from 12,000 digits, the flow
# from cases of all, again from others, and last with a sweep of the prior at its end; the model keeps 6,000 digits.
#     bash bench/images/make_mnist.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/release/bin/manifill}
"$program" train prior bench/images/mnist_prior.toml
"$program" train prior bench/images/mnist_prior.toml --set train.series=1,-60000 --set train.score=false -o build/mnist_all.prior.h5
"$program" train flow bench/images/mnist_flow.toml
more=(train flow bench/images/mnist_flow.toml --set flow.fields_per_mask=20 --set flow.learning_rate=1e-3)
"$program" "${more[@]}" -o build/mnist_more.flow.h5 --set train.start=build/mnist_all.flow.h5 --set train.log=build/mnist_more.csv --set flow.seed=2 \
  --set flow.minutes=55
"$program" "${more[@]}" -o sample_data/models/mnist.flow.h5 --set train.start=build/mnist_more.flow.h5 --set train.log=build/mnist_sweep.csv --set flow.seed=3 \
  --set flow.couplings=0 --set flow.prior_sweep=true --set train.score=build/mnist.prior.h5 --set flow.weight_crps=0 --set flow.anneal=0 --set flow.minutes=22 \
  --set train.keep_fields=6000
