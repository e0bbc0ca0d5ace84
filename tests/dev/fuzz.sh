#!/usr/bin/env bash
# Fuzzes the parsers, inside the environment: fuzz.sh SECONDS [target…]. All targets share SECONDS,
# two run at a time, each on its corpus in tests/fuzz/corpus, which stays as it is. HOLDFAST_SEED makes
# two runs alike; without it each is another. Ends with the one
# line of the soak convention; exit 1 and the path of the input if a target found something.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

readonly seconds=${1:?usage: fuzz.sh SECONDS [target…]} build=build/fuzz corpus=tests/fuzz/corpus
shift
targets=("$@")
[ "$#" -gt 0 ] || mapfile -t targets < <(basename -s .cpp tests/fuzz/fuzz_*.cpp | sed 's/^fuzz_//' | sort)

[ -f "$build/build.ninja" ] || cmake --preset fuzz >/dev/null || exit 1
cmake --build "$build" --target "${targets[@]/#/fuzz_}" | tail -1 || exit 1

found=$build/found
rm -rf "$found"
mkdir -p "$found"

run() { # target, seconds
  local name=$1 log=$found/$1.log dictionary=()
  [ ! -f "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
  # New inputs go into a folder that is thrown away; the corpus is only read.
  mkdir -p "$found/$name"
  "$build/tests/fuzz/fuzz_$name" "$found/$name" "$corpus/$name" -max_total_time="$2" -max_len=4096 \
    -seed="${HOLDFAST_SEED:-0}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 -artifact_prefix="$found/$name-" \
    "${dictionary[@]}" >"$log" 2>&1
  local code=$? inputs
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "$code ${inputs:-0}" >"$found/$name.result"
  if [ "$code" = 0 ]; then
    echo "fuzz: $name: ${inputs:-0} inputs in $2 s"
  else
    echo "fuzz: $name: FAILED: $(ls "$found/$name"-* 2>/dev/null | head -1)"
    grep -aE 'holdfast: defect|ERROR: |runtime error' "$log" | head -3
  fi
}

# Two at a time share the time: each target runs for twice its part.
each=$((2 * seconds / ${#targets[@]}))
[ "$each" -gt 0 ] || each=1
running=0
for name in "${targets[@]}"; do
  run "$name" "$each" &
  running=$((running + 1))
  [ "$running" -lt 2 ] || { wait -n; running=$((running - 1)); }
done
wait

inputs=0 crashes=0
for name in "${targets[@]}"; do
  read -r code count <"$found/$name.result"
  inputs=$((inputs + count))
  [ "$code" = 0 ] || crashes=$((crashes + 1))
done
echo "soak: fuzz: targets=${#targets[@]} inputs=$inputs crashes=$crashes"
[ "$crashes" = 0 ]
