#!/bin/bash
# Colour pictures of CIFAR-10's test batch by the models of make_cifar.sh: every plane under the same masks and noise of its own, put together
# in red, green and blue. Resumes where it was stopped. The table goes to OUTPUT/colours.md.
# CONFIG names other tasks than those of cifar_evaluate.toml, KIND other models than the flows, as the generators of davi.sh.
#     [CONFIG=bench/images/cifar_hidden.toml] [KIND=davi] bash bench/images/cifar_colour.sh OUTPUT [options of evaluate, as --methods gaussian flow --cases 10]
set -eu
cd "$(dirname "$0")/../.."
program=${PROGRAM:-build/release/bin/manifill}
config=${CONFIG:-bench/images/cifar_evaluate.toml}
output=$1
shift
seed=1
for plane in luma red_blue green_magenta; do
  again=()
  [ -e "$output/$plane/.manifill-checkpoint" ] && again=(--resume)
  [ -e "$output/$plane/scores.json" ] ||
    "$program" evaluate "$config" --set "evaluate.variable=$plane" --model "build/cifar_$plane.${KIND:-flow}.h5" --seed "$seed" \
      --set evaluate.mask_seed=1 --write-members -o "$output/$plane" "${again[@]}" "$@"
  seed=$((seed + 1))
done
/usr/bin/python3 bench/images/colours.py "$output"/{luma,red_blue,green_magenta} | tee "$output/colours.md"
