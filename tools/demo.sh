#!/usr/bin/env bash
# From a bare Debian 12 to the main job: installs what is missing, builds, fills the gaps of a year of monthly winds with
# a calibrated ensemble, scores it against the withheld truth, draws a map.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tools/setup.sh
echo "demo: building (a second run rebuilds nothing)"
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target manifill manifill-compute

manifill=build/release/bin/manifill
data=sample_data/demo
model=build/fnoc_wind.prior.h5
out=demo_output
mkdir -p "$out"
echo "demo: monthly zonal wind of one year, hidden where ships have never been ($data/wind_gappy.nc)"
"$manifill" train prior docs/examples/wind_prior.toml
"$manifill" impute --model "$model" --input "$data/wind_gappy.nc" --output "$out/wind.nc" --method gaussian \
  --write-members --overwrite
echo "demo: scores over the hidden cells, m/s"
/usr/bin/python3 tools/score_demo.py uwnd "$data/wind_truth.nc" "$data/wind_gappy.nc" "$data/wind_training.nc" \
  "gaussian=$out/wind.nc"
"$manifill" plot "$out/wind.nc" --variable uwnd --time 0 -o "$out/wind_january.png"
echo "demo: filled file $out/wind.nc, map $out/wind_january.png"
