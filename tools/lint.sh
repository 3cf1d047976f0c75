#!/usr/bin/env bash
# Format and static checks.
#   tools/lint.sh            files that differ from the last commit, untracked ones included
#   tools/lint.sh --all      every file
#   tools/lint.sh --fix ...  formats in place instead of complaining
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=false
format=(--dry-run -Werror)
for argument in "$@"; do
  case $argument in
    --all) all=true ;;
    --fix) format=(-i) ;;
    *) echo "lint: unknown argument '$argument'; see the head of this file" >&2; exit 2 ;;
  esac
done

list() {
  if $all || ! git rev-parse --verify -q HEAD >/dev/null; then
    git ls-files -co --exclude-standard -- '*.cpp' '*.hpp'
  else
    { git diff --name-only --diff-filter=d HEAD -- '*.cpp' '*.hpp'
      git ls-files -o --exclude-standard -- '*.cpp' '*.hpp'; } | sort -u
  fi
}
mapfile -t files < <(list)
if [ ${#files[@]} = 0 ]; then
  echo "lint: nothing has changed"
  exit 0
fi
for tool in clang-format clang-tidy; do
  command -v "$tool" >/dev/null || { echo "lint: $tool is missing; apt-get install $tool" >&2; exit 1; }
done

status=0
clang-format "${format[@]}" "${files[@]}" || status=1

# A build folder of its own, never built in: clang cannot read gcc's precompiled headers.
database=build/lint
cmake --preset lint -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DMANIFILL_WARNINGS_AS_ERRORS=OFF -DCMAKE_CXX_CLANG_TIDY= \
  >/dev/null
sources=()
for file in "${files[@]}"; do
  case $file in
    *.cpp) if grep -q "/$file\"" $database/compile_commands.json; then sources+=("$file"); fi ;;
  esac
done
compiler=(--extra-arg=-Wno-unknown-warning-option) # of gcc's own options
compiler+=(--extra-arg=-include "--extra-arg=$PWD/tools/lint_vector.hpp") # says why itself
if [ ${#sources[@]} != 0 ]; then
  printf '%s\0' "${sources[@]}" |
    xargs -0 -P "$(nproc)" -n 1 clang-tidy --quiet -p $database "${compiler[@]}" || status=1
fi
[ $status = 0 ] && echo "lint: ${#files[@]} files are clean"
exit $status
