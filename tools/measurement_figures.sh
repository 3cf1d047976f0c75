#!/usr/bin/env bash
# The pictures of docs/measurements.md: for each operator a field, what is measured of it, and what is reconstructed.
# Usage: bash tools/measurement_figures.sh [PICTURES], a directory with CIFAR-10's binary batches for those of images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

manifill=build/release/bin/manifill
python=/usr/bin/python3
pictures=${1:-../shared/data/cifar-10}
folder=build/measurement_figures
figures=docs/figures
mkdir -p "$folder"

# FILE VARIABLE RANGE TITLE OUT.png WIDTH
map() { "$manifill" plot "$1" --variable "$2" --time 0 --range="$3" --title "$4" -o "$5" --width "$6" --quiet; }
# What was, what is measured, and below what is reconstructed with its spread: FIGURE TRUTH MEASURED OUT VARIABLE RANGE TITLE
maps() {
  map "$2" "$5" "$6" "Truth" "$folder/a.png" 330
  map "$3" "$5" "$6" "$7" "$folder/b.png" 330
  map "$4" "$5" "$6" "Reconstructed" "$folder/c.png" 668
  "$python" tools/side_by_side.py "$figures/$1" "$folder/a.png" "$folder/b.png" + "$folder/c.png"
}

# One month of winds. Arguments: name of the figure, noise in m/s, operators, then settings of operators.
wind() {
  local name=$1 noise=$2 operators=$3 options=()
  shift 3
  for setting in "$@"; do options+=(--set "measurement.$setting"); done
  # shellcheck disable=SC2206
  [ -z "$operators" ] || options+=(--operators $operators)
  options+=(--noise "$noise" --quiet --overwrite)
  "$manifill" measure sample_data/demo/wind_truth.nc -o "$folder/$name.nc" "${options[@]}"
  "$manifill" reconstruct --model sample_data/models/fnoc_wind.flow.h5 --method flow -i "$folder/$name.nc" \
    -o "$folder/${name}_out.nc" "${options[@]}"
  maps "measure_$name.png" sample_data/demo/wind_truth.nc "$folder/$name.nc" "$folder/${name}_out.nc" uwnd -12,12 "$operators"
}

# A picture in colours. Arguments as above.
picture() {
  local name=$1 noise=$2 operators=$3 options=()
  shift 3
  for setting in "$@"; do options+=(--set "measurement.$setting"); done
  # shellcheck disable=SC2206
  [ -z "$operators" ] || options+=(--operators $operators)
  options+=(--noise "$noise" --quiet --overwrite)
  "$manifill" measure "$folder/car.png" -o "$folder/$name.png" "${options[@]}"
  "$manifill" reconstruct --model "$folder/pictures.h5" -i "$folder/$name.png" -o "$folder/${name}_out.png" "${options[@]}"
  "$python" tools/side_by_side.py "$figures/measure_$name.png" 192 "$folder/car.png" "$folder/$name.png" "$folder/${name}_out.png"
}

wind blur_sphere 0.2 "gaussian_blur" gaussian_blur.width=900
wind coarsen 0.2 "coarsen" coarsen.factor=4
wind points 0.5 "points" points.count=150
wind swath 0.5 "swath" swath.orbits=3 swath.width_km=1200
wind mask 0.3 "mask" mask.kinds=blocks mask.hidden=0.4

# The example of two instruments at once, its buoys as cells, which can be drawn.
example=(docs/examples/wind_reconstruct.toml --set "measurement[1].file=$folder/radiometer.nc" --set "measurement[2].file=$folder/buoys.nc" --quiet)
"$manifill" measure "${example[@]}" --set measure.overwrite=true
"$manifill" reconstruct "${example[@]}" -o "$folder/several_out.nc" --overwrite
map sample_data/demo/wind_truth.nc uwnd -12,12 "Truth" "$folder/a.png" 330
map "$folder/radiometer.nc" uwnd -12,12 "Radiometer" "$folder/b.png" 330
map "$folder/buoys.nc" uwnd -12,12 "Buoys" "$folder/c.png" 330
map "$folder/several_out.nc" uwnd -12,12 "Reconstructed of both" "$folder/d.png" 1006
"$python" tools/side_by_side.py "$figures/measure_several.png" "$folder/a.png" "$folder/b.png" "$folder/c.png" + "$folder/d.png"

# An instrument that is nearly exact at Greenwich and gets poorer eastwards, all the way round.
"$python" tools/noise_by_cell.py sample_data/demo/wind_truth.nc uwnd 0.2 4 "$folder/cells.nc"
"$manifill" reconstruct --model sample_data/models/fnoc_wind.flow.h5 --method flow -i "$folder/cells.nc" --variable uwnd --noise-variable noise \
  -o "$folder/cells_out.nc" --quiet --overwrite
maps measure_cells.png sample_data/demo/wind_truth.nc "$folder/cells.nc" "$folder/cells_out.nc" uwnd -12,12 "noise by cell"

# Temperatures on a Gaussian grid, drawn from a model, lose what lies above degree 10. What is left says the same on a
# coarser grid, whose fewer values are reconstructed from.
model=sample_data/models/pcm_t42.prior.h5
degree=(--set measurement.truncate.degree=10 --noise 0.05 --quiet --overwrite)
"$manifill" sample --model "$model" -n 1 -o "$folder/t42.nc" --seed 3 --overwrite
"$manifill" measure "$folder/t42.nc" -o "$folder/truncate.nc" --operators truncate "${degree[@]}"
"$manifill" measure "$folder/t42.nc" -o "$folder/coarse.nc" --operators truncate coarsen --set measurement.coarsen.factor=4 \
  "${degree[@]}"
"$manifill" reconstruct --model "$model" -i "$folder/coarse.nc" -o "$folder/truncate_out.nc" --operators truncate coarsen \
  --set measurement.coarsen.factor=4 "${degree[@]}"
maps measure_truncate.png "$folder/t42.nc" "$folder/truncate.nc" "$folder/truncate_out.nc" tas 220,310 truncate

if [ -e "$pictures/data_batch_1.bin" ]; then
  "$python" tools/cifar_grey.py "$pictures/data_batch_1.bin" 0 5000 "$folder/train.nc"
  "$python" tools/cifar_grey.py "$pictures/test_batch.bin" 15 1 "$folder/car.nc" "$folder/car.png"
  [ -e "$folder/pictures.h5" ] || "$manifill" train prior --input "$folder/train.nc" --output "$folder/pictures.h5" --quiet \
    --set backbone.season_bins=1 --set backbone.mean_harmonics=0 --set backbone.scale_harmonics=0 --set backbone.rank=1024
  picture noise 0.1 ""
  picture blur_image 0.01 "gaussian_blur" gaussian_blur.width=1.5
  picture motion 0.01 "motion_blur" motion_blur.length=7 motion_blur.angle=30
  picture kernel 0.01 "kernel" kernel.weights=1,0,0,0,1,0,0,0,1
  picture coarsen_image 0.01 "coarsen" coarsen.factor=2
  picture mask_image 0.01 "mask" mask.kinds=scattered mask.hidden=0.6
fi
