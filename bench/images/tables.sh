#!/bin/bash
# The tables of docs/results.md of a set of images. Reports are folders below build/; one that is there is not made again, one that was
# stopped goes on. A day of one core with the slow samplers, of which each has a report of its own. CIFAR-10 needs the models of make_cifar.sh.
#     bash bench/images/tables.sh mnist|relief|cifar [PROGRAM]
set -eu
cd "$(dirname "$0")/../.."
set_of=${1:-}
program=${2:-build/release/bin/manifill}
reports=()
fills=(climatology nearest distance harmonic heat kriging eof matern gaussian flow)

score() { # name, configuration, further options
  local out=build/$1 config=bench/images/$2 again=()
  shift 2
  [ -e "$out/.manifill-checkpoint" ] && again=(--resume)
  [ -e "$out/scores.json" ] || "$program" evaluate "$config" -o "$out" "${again[@]}" "$@"
  reports+=("$out")
}

colour() { # name, further options
  local out=build/$1
  shift
  CONFIG=${CONFIG:-} PROGRAM=$program bash bench/images/cifar_colour.sh "$out" "$@"
}

case $set_of in
mnist)
  score mnist_evaluate mnist_evaluate.toml
  score mnist_tasks mnist_tasks.toml --set evaluate.cases=6
  score mnist_tasks100 mnist_tasks.toml --methods flow pigdm --cases 100 --set evaluate.noise=0.05
  score mnist_denoise mnist_denoise.toml
  score mnist_every mnist_every.toml
  score mnist_slow mnist_tasks.toml --methods flow importance ddnm sda daps dps mcg score_sde red_diff fps fps_smc --cases 4 --members 2 \
    --set evaluate.noise=0.05
  score mnist_slow_10 mnist_tasks.toml --methods flow importance ddnm daps sda score_sde red_diff fps --cases 4 --members 2 --set evaluate.noise=0.1
  score mnist_slow25 mnist_tasks.toml --methods flow daps sda --cases 25 --members 2 --set evaluate.noise=0.05
  score mnist_classical mnist_tasks.toml --methods "${fills[@]}" --cases 20 --set evaluate.noise=0.05
  ;;
relief)
  guided=(--set pigdm.guidance=gaussian)
  score relief_evaluate relief_evaluate.toml
  score relief_samplers relief_evaluate.toml --methods gaussian flow ddrm diffpir ddnm_plus pigdm --set evaluate.cases=8 --set evaluate.hidden=0.5 \
    --members 4 "${guided[@]}"
  score relief_scattered20 relief_evaluate.toml --methods gaussian flow diffpir pigdm --set evaluate.withhold=scattered --set evaluate.hidden=0.5 \
    --members 4 "${guided[@]}"
  score relief_tasks_05 relief_tasks.toml --set evaluate.noise=0.05
  score relief_tasks_10 relief_tasks.toml --set evaluate.noise=0.1
  score relief_scattered40 relief_masks.toml --methods flow pigdm --withhold scattered
  score relief_box200 relief_masks.toml --methods flow ddnm_plus --withhold box --cases 200 --set evaluate.noise=0.05
  score relief_denoise_tasks relief_denoise.toml
  score relief_denoise relief_evaluate.toml --withhold none --methods gaussian flow noise2score --cases 8 --members 4
  slow=(--members 2 --set evaluate.noise=0.05)
  score relief_slow10 relief_tasks.toml --methods flow daps sda --cases 10 "${slow[@]}"
  for method in ddnm importance score_sde red_diff fps dps mcg fps_smc; do
    score "relief_slow_$method" relief_tasks.toml --methods flow "$method" --cases 2 "${slow[@]}"
  done
  for method in daps fps_smc mcg sda fps dps score_sde red_diff; do
    score "relief_$method" relief_evaluate.toml --methods flow "$method" --set evaluate.hidden=0.5 --cases 2 --members 2
  done
  score relief_classical relief_evaluate.toml --methods "${fills[@]}"
  ;;
cifar)
  colour colour --methods gaussian flow --cases 50
  eight=(--cases 8 --members 8 --set evaluate.noise=0.05)
  hidden=bench/images/cifar_hidden.toml
  denoise=bench/images/cifar_denoise.toml
  CONFIG=$hidden colour colour_hidden --methods gaussian flow --cases 50
  CONFIG=$hidden colour colour_hidden_samplers --methods gaussian flow ddrm ddnm_plus diffpir "${eight[@]}"
  CONFIG=$denoise colour colour_denoise --methods gaussian flow --cases 50
  CONFIG=$denoise colour colour_denoise_samplers --methods gaussian flow noise2score ddrm ddnm_plus diffpir --cases 8 --members 8
  CONFIG=$hidden colour colour_hidden_pigdm --methods pigdm "${eight[@]}" --set pigdm.guidance=gaussian
  colour colour_samplers --methods gaussian flow ddrm ddnm_plus diffpir "${eight[@]}"
  colour colour_pigdm --methods pigdm "${eight[@]}" --set pigdm.guidance=gaussian
  colour colour_n2s --methods noise2score "${eight[@]}"
  for method in daps sda dps fps_smc fps score_sde mcg red_diff; do
    colour "colour_$method" --methods flow "$method" --cases 2 --members 2 --set evaluate.noise=0.05
  done
  score cifar_classical cifar_evaluate.toml --methods "${fills[@]}" --cases 20 --members 8 --set evaluate.noise=0.05
  ;;
*)
  sed -n 's/^#     //p' "$0" >&2
  exit 2
  ;;
esac
/usr/bin/python3 bench/images/table.py "${reports[@]}"
