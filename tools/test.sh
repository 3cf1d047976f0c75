#!/usr/bin/env bash
# From a fresh checkout to tested: packages, configuration, build, tests. Arguments go to ctest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tools/setup.sh
cmake --preset release
# A compiler that includes LibTorch takes about 1.5 GB; more of them than memory bears would be killed.
jobs=$(nproc)
memory_jobs=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo 2>/dev/null || echo "$jobs")
[ "$memory_jobs" -lt "$jobs" ] && jobs=$memory_jobs
[ "$jobs" -lt 1 ] && jobs=1
# Benchmarks are no part of the tests; tools/lint.sh reads them too.
cmake --build --preset release -j "$jobs" --target tested
ctest --test-dir build/release --output-on-failure --parallel "$(nproc)" "$@"
