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
model=sample_data/models/fnoc_wind.flow.h5
out=demo_output
mkdir -p "$out"
echo "demo: monthly zonal wind of one year, hidden where ships have never been ($data/wind_gappy.nc)"
for method in gaussian flow; do
  "$manifill" impute --model "$model" --input "$data/wind_gappy.nc" --output "$out/wind_$method.nc" --method "$method" \
    --write-members --overwrite
done
echo "demo: scores over the hidden cells, m/s"
/usr/bin/python3 tools/score_demo.py uwnd "$data/wind_truth.nc" "$data/wind_gappy.nc" "$data/wind_training.nc" \
  "gaussian=$out/wind_gaussian.nc" "flow=$out/wind_flow.nc"
"$manifill" plot "$out/wind_flow.nc" --variable uwnd --time 0 -o "$out/wind_january.png"
echo "demo: filled file $out/wind_flow.nc, map $out/wind_january.png"
