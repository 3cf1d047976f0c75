#!/bin/bash
# Makes sample_data/models/mnist.flow.h5: some three hours on one core. The prior's score network learns from 12,000 digits, the flow
# from cases of all; the model keeps 6,000 digits.
#     bash bench/images/make_mnist.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/release/bin/manifill}
"$program" train prior bench/images/mnist_prior.toml
"$program" train prior bench/images/mnist_prior.toml --set train.series=1,-60000 --set train.score=false -o build/mnist_all.prior.h5
"$program" train flow bench/images/mnist_flow.toml
"$program" train flow bench/images/mnist_flow.toml --prior build/mnist.prior.h5 -o sample_data/models/mnist.flow.h5 \
  --set train.start=build/mnist_all.flow.h5 --set flow.steps=0 --set flow.cases=8 --set flow.validation_cases=8 --set train.log=build/mnist_model.csv \
  --set train.keep_fields=6000
