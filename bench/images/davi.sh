#!/bin/bash
# The one-step generator of davi beside the flow on digits, relief and pictures, from the prior that each flow has. Needs build/mnist_all.prior.h5
# of make_mnist.sh and the priors that make_cifar.sh leaves in build; two hours of one core; what is there is not made again.
#     bash bench/images/davi.sh [SET...]   SET: mnist relief luma red_blue green_magenta tables; none: all
set -eu
cd "$(dirname "$0")/../.."
program=${PROGRAM:-build/release/bin/manifill}
[ $# -gt 0 ] || set -- mnist relief luma red_blue green_magenta tables
train() {  # NAME PRIOR MINUTES [OPTION...]
  [ -e "build/$1.davi.h5" ] || "$program" train davi bench/images/davi.toml --prior "$2" -o "build/$1.davi.h5" --set "train.log=build/$1.davi.csv" \
    --set "davi.minutes=$3" "${@:4}"
}
# The shipped flow and its score network with all fields in place of those that it keeps.
with_all() {  # NAME PRIOR OUTPUT [OPTION...]
  [ -e "$3" ] || "$program" train flow "bench/images/$1_flow.toml" --prior "$2" -o "$3" --set "train.start=sample_data/models/$1.flow.h5" \
    --set "train.score=sample_data/models/$1.flow.h5" --set "train.log=build/$1_all.csv" --set flow.cases=4000 --set flow.fields_per_mask=20 \
    --set flow.steps=0 --set flow.couplings=0 "${@:4}"
}
for name; do
  case $name in
    mnist)
      with_all mnist build/mnist_all.prior.h5 build/mnist_digits.flow.h5 --set flow.prior_sweep=true --set flow.weight_crps=0
      train mnist build/mnist_digits.flow.h5 25
      ;;
    relief)
      [ -e build/images/relief_more.nc ] || /usr/bin/python3 bench/images/make_relief.py build/images/relief_more.nc build/images/relief_test.nc \
        --shifted-tiles 1500 --finer-tiles 3500
      [ -e build/relief_fields.prior.h5 ] || "$program" train prior bench/images/relief_prior.toml -i build/images/relief_more.nc \
        -o build/relief_fields.prior.h5 --set train.score=false --set backbone.classes=4
      with_all relief build/relief_fields.prior.h5 build/relief_tiles.flow.h5 --set train.keep_fields=0 --set flow.base=exact_posterior --set flow.weight_energy=0
      train relief build/relief_tiles.flow.h5 20 --set train.validation_last=200 --set davi.cases=4000 --set davi.fields_per_mask=40
      ;;
    luma) train cifar_luma build/cifar_luma.prior.h5 15 --set davi.noise_lowest=0.08 --set davi.noise_highest=1.2 ;;
    red_blue | green_magenta) train "cifar_$name" "build/cifar_$name.prior.h5" 8 --set davi.noise_lowest=0.08 --set davi.noise_highest=1.2 ;;
    tables)
      "$program" evaluate bench/images/mnist_tasks.toml --model build/mnist.davi.h5 --methods gaussian davi --cases 20 --set evaluate.noise=0.05 \
        -o build/mnist_tasks_davi
      "$program" evaluate bench/images/relief_tasks.toml --model build/relief.davi.h5 --methods gaussian davi --set evaluate.noise=0.05 \
        -o build/relief_tasks_davi
      KIND=davi PROGRAM=$program bash bench/images/cifar_colour.sh build/colour_davi --methods gaussian davi --cases 8 --members 8 --set evaluate.noise=0.05
      /usr/bin/python3 bench/images/table.py build/mnist_tasks_davi build/relief_tasks_davi
      ;;
    *)
      echo "unknown set '$name'" >&2
      exit 2
      ;;
  esac
done
