#!/bin/bash
# The one-step generator of davi against the flow, from the same prior and in the same minutes of training: digits 0 to 4 of 14 x 14 pixels
# and the demo's winds, whose prior gets a score network for it. Half an hour of one core; what is there is not made again.
#     bash bench/claims/davi.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/release/bin/manifill}
m=../shared/data/mnist
d=build/claims/davi
mkdir -p "$d"
for set_of in train t10k; do
  [ -e "$d/$set_of.gz" ] || /usr/bin/python3 bench/claims/split_digits.py "$m/$set_of-images-idx3-ubyte.gz" "$m/$set_of-labels-idx1-ubyte.gz" 0 4 "$d/$set_of.gz" --coarsen 2
done
[ -e "$d/digits.prior.h5" ] || "$program" train prior bench/claims/digits_low_prior.toml -i "$d/train.gz" -o "$d/digits.prior.h5" --set backbone.rank=150 \
  --set train.score=true --set score.network=unet --set score.width=32 --set score.levels=[0,1,1,0] --set score.place=none --set score.batch=64 \
  --set score.learning_rate=2e-3 --set score.minutes=3
[ -e "$d/digits.flow.h5" ] || "$program" train flow bench/claims/digits_low_flow.toml --prior "$d/digits.prior.h5" -o "$d/digits.flow.h5" \
  --set "train.log=$d/digits.flow.csv" --set flow.minutes=5
[ -e "$d/digits.h5" ] || "$program" train davi bench/claims/digits_davi.toml
[ -e "$d/digits/scores.json" ] || "$program" evaluate bench/claims/digits_evaluate_0_4.toml --model "$d/digits.h5" -i "$d/t10k.gz" --methods gaussian flow davi pigdm \
  --cases 50 -o "$d/digits"
[ -e "$d/wind.prior.h5" ] || "$program" train prior docs/examples/wind_prior.toml -o "$d/wind.prior.h5" --set train.score=true --set train.validation_years=[1987,1991] --set score.minutes=2
[ -e "$d/wind.flow.h5" ] || "$program" train flow docs/examples/wind_flow.toml --prior "$d/wind.prior.h5" -o "$d/wind.flow.h5" --set "train.log=$d/wind.flow.csv"
[ -e "$d/wind.h5" ] || "$program" train davi bench/claims/wind_davi.toml
[ -e "$d/wind/scores.json" ] || "$program" evaluate docs/examples/evaluate_wind.toml --model "$d/wind.h5" --methods gaussian flow davi \
  --withhold blocks gaps --set evaluate.hidden=0.5 --set evaluate.noise=1 --members 16 -o "$d/wind"
/usr/bin/python3 bench/images/table.py "$d/digits" "$d/wind"
