#!/usr/bin/env bash
# The program as such: help, version, exit codes, and that it is found through links and PATH.
set -u
program=${MANIFILL:?path of the program}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect CODE PATTERN COMMAND...: exit code, and a pattern in standard output and error together
expect() {
  local code=$1 pattern=$2
  shift 2
  local output actual
  output=$("$@" 2>&1 </dev/null)
  actual=$?
  if [ "$actual" != "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    echo "FAILED: $*: exit code $actual, expected $code and /$pattern/; it said:"
    echo "$output"
    failures=$((failures + 1))
  fi
}

expect 0 'Commands:' "$program" --help
expect 0 'impute ' "$program" help
expect 2 'Commands:' "$program"
expect 2 "Did you mean 'impute'" "$program" imput
expect 2 "unknown option '--versoin'" "$program" --versoin
expect 0 'OpenBLAS .*kernel [A-Za-z0-9]+.*thread' "$program" --version
expect 0 'LibTorch [0-9]' "$program" --version

# The kernel shown is the one that computes: what the user sets stands.
expect 0 'kernel Nehalem \(OPENBLAS_CORETYPE\), 1 thread' \
  env OPENBLAS_CORETYPE=Nehalem OPENBLAS_NUM_THREADS=1 "$program" --version

ln -s "$program" "$work/link"
expect 0 'LibTorch' "$work/link" --version
mkdir "$work/bin"
ln -s "$program" "$work/bin/manifill"
expect 0 'LibTorch' env PATH="$work/bin:$PATH" manifill --version

# Installed: bin/ and libexec/manifill/.
mkdir -p "$work/prefix/bin" "$work/prefix/libexec/manifill"
cp "$program" "$work/prefix/bin/"
expect 1 'not installed' "$work/prefix/bin/manifill" --version
ln -s "${MANIFILL_COMPUTE:?path of manifill-compute}" "$work/prefix/libexec/manifill/manifill-compute"
expect 0 'LibTorch' "$work/prefix/bin/manifill" --version

# The light program loads no LibTorch, so that help is immediate.
if ldd "$program" | grep -q libtorch; then
  echo "FAILED: the light program links LibTorch"
  failures=$((failures + 1))
fi
start=$(date +%s%N)
for _ in 1 2 3 4 5; do "$program" --help >/dev/null; done
milliseconds=$((($(date +%s%N) - start) / 5000000))
echo "manifill --help takes $milliseconds ms"
if [ "$milliseconds" -gt 500 ]; then # 100 expected; the machine may be busy
  echo "FAILED: --help is slow"
  failures=$((failures + 1))
fi

if [ -w /dev/full ]; then
  "$program" --help >/dev/full 2>/dev/null
  [ $? = 4 ] || { echo "FAILED: a full standard output is not an io error"; failures=$((failures + 1)); }
fi

[ "$failures" = 0 ] && echo "all as expected"
exit "$((failures > 0))"
