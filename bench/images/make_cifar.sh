#!/bin/bash
# Models of the three planes of CIFAR-10's pictures in opponent colours, build/cifar_{luma,red_blue,green_magenta}.flow.h5: an hour of one core.
# With a label (7: horses) of pictures of that class alone, of names cifar_LABEL_PLANE.
#     bash bench/images/make_cifar.sh [LABEL]
set -eu
cd "$(dirname "$0")/../.."
label=${1:-}
program=${PROGRAM:-build/release/bin/manifill}
set_of=cifar_train${label:+_$label}
/usr/bin/python3 bench/images/make_cifar.py ../shared/data/cifar-10 build/images ${label:+--label "$label"}
held=1000
[ -n "$label" ] && held=200
# plane, its bounds (make_cifar.py), minutes of the score network, of the flow, and of how its members go together
while read -r plane bounds score flow members; do
  name=cifar_${label:+${label}_}$plane
  [ -e "build/$name.flow.h5" ] && continue
  "$program" train prior bench/images/cifar_prior.toml -i "build/images/$set_of.nc" -o "build/$name.prior.h5" --set "train.variable=$plane" \
    --set "train.name=$name" --set "backbone.bounds=$bounds" --set "train.validation_last=$held" --set "score.minutes=$score"
  learn=(train flow bench/images/cifar_flow.toml --prior "build/$name.prior.h5" --set "train.validation_last=$held")
  "$program" "${learn[@]}" -o "build/${name}_scales.flow.h5" --set "train.log=build/${name}_scales.csv" --set "flow.minutes=$flow"
  "$program" "${learn[@]}" -o "build/$name.flow.h5" --set "train.start=build/${name}_scales.flow.h5" --set "train.log=build/$name.csv" \
    --set flow.seed=2 --set flow.cases=4000 --set flow.couplings=0 --set flow.hold=true --set flow.vecchia=true --set flow.weight_differences=1 \
    --set flow.anneal=0 --set flow.learning_rate=1e-3 --set "flow.minutes=$members"
done <<'PLANES'
luma 0,1.7320508 10 18 6
red_blue -0.70710678,0.70710678 5 7 2
green_magenta -0.81649658,0.81649658 5 7 2
PLANES
