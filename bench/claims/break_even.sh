#!/bin/bash
# After how many fields the training of each shipped flow has paid against a zero-shot sampler of the same prior, and of CIFAR-10's luma where
# make_cifar.sh has been run: times of a member side by side. Ten minutes of one core.
#     bash bench/claims/break_even.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/release/bin/manifill}
d=build/claims/break_even
mkdir -p "$d"
rivals=(--methods flow pigdm ddnm_plus diffpir --members 4 --set pigdm.guidance=gaussian --set evaluate.worst=0)
score() { # name, configuration, further options
  local name=$1 config=$2
  shift 2
  [ -e "$d/$name/scores.json" ] || "$program" evaluate "$config" "${rivals[@]}" -o "$d/$name" "$@"
}
score winds docs/examples/evaluate_wind.toml --cases 4 --withhold blocks --set evaluate.hidden=0.5 --set evaluate.noise=1
score temperature bench/claims/climate_evaluate.toml --cases 4
score pressure bench/claims/climate_evaluate.toml -i ../shared/data/ncep_slp_natl_2001-2008.nc --model sample_data/models/slp_natl.flow.h5 \
  --set evaluate.variable= --set evaluate.years=2004 --set evaluate.noise=50 --cases 4
# The bunny's model has no score network: the samplers steer its Gaussian's diffusion.
digits=build/bunny_test.nc
[ -e "$digits" ] || /usr/bin/python3 tools/paint_digits.py ../shared/data/meshes/bunny.off sample_data/images/digits_test-idx3-ubyte.gz 0 500 "$digits"
score bunny bench/images/relief_evaluate.toml -i "$digits" --model sample_data/models/bunny_mnist.flow.h5 --set evaluate.variable=digit --cases 3 \
  --withhold blocks --set evaluate.hidden=0.5
score relief bench/images/relief_evaluate.toml --cases 3 --withhold blocks --set evaluate.hidden=0.5
/usr/bin/python3 bench/claims/compare.py break-even "$d"/winds "$d"/temperature "$d"/pressure "$d"/bunny
if [ -e build/cifar_luma.flow.h5 ]; then
  score cifar bench/images/cifar_evaluate.toml --cases 4 --withhold scattered --set evaluate.noise=0.05
  # Both parts of make_cifar.sh; the model tells of its last alone.
  /usr/bin/python3 bench/claims/compare.py break-even "$d/cifar" --training 1565
fi
# Optimisations of the first two parts of make_relief.sh, and all of the last on two cores; the model tells of its last part alone.
/usr/bin/python3 bench/claims/compare.py break-even "$d/relief" --training 13220
