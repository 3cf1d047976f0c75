#!/usr/bin/env bash
# Installs what manifill is built and tested with, on Debian 12 or a system with the same package names. Installs only
# what is missing; changes nothing else.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git
  libtorch-dev libnetcdf-c++4-dev libhdf5-dev libxtensor-dev libxsimd-dev libeigen3-dev libspectra-dev libopenblas-dev
  liblapacke-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcairo2-dev libpng-dev zlib1g-dev
  libcfitsio-dev libudunits2-dev libproj-dev proj-data catch2 netcdf-bin cdo pybind11-dev python3-dev
  python3-xarray python3-netcdf4 python3-numpy python3-scipy python3-skimage
  ferret-datasets
)

if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian system; install these by their names here: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  echo "setup: all ${#packages[@]} packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing, and there is neither root nor sudo to install them: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
