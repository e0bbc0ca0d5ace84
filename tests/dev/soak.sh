#!/usr/bin/env bash
# The long runs, inside the environment. Arguments: [--seconds N] [--seed N] [name…]; names:
# power simulation damage faults fuzz tsan; all without. N seconds for each name (default 600).
# What was done stands in lines that begin with "soak:"; the last line says how many runs passed.
set -uo pipefail

seconds=600 seed=1 names=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    --seed) seed=${2:?--seed needs a number}; shift 2 ;;
    power|simulation|damage|faults|fuzz|tsan) names+=("$1"); shift ;;
    *) echo "soak: $1 is no run; there are power simulation damage faults fuzz tsan" >&2; exit 2 ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(power simulation damage faults fuzz tsan)
export HOLDFAST_SOAK_SECONDS=$seconds HOLDFAST_SEED=$seed
log=$(mktemp)
trap 'rm -f "$log"' EXIT

build() { # preset, targets…
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >/dev/null || return 1
  cmake --build "build/$1" --target "${@:2}" | tail -1
}

# Each case of the binary gets the time that the name has.
cases() { # test binary without _tests, filter
  build release "$1_tests" || return 1
  "build/release/tests/$1_tests" "$2"
}

# Everything that ctest knows, with a binary and tests that look for races.
run_tsan() {
  build tsan all || return 1
  TSAN_OPTIONS=halt_on_error=1:suppressions=$PWD/tests/dev/tsan.supp \
    ctest --test-dir build/tsan --output-on-failure -j 2 --timeout 1800 || return 1
  echo "soak: tsan: tests=$(ctest --test-dir build/tsan -N | sed -n 's/^Total Tests: //p') races=0"
}

# One process a core, each with seeds of its own.
run_power() {
  build release power_tests || return 1
  local core pids=() code=0
  for core in $(seq "$(nproc)"); do
    HOLDFAST_SEED=$((seed + 1000000 * (core - 1))) build/release/tests/power_tests '[.soak]' &
    pids+=($!)
  done
  for core in "${pids[@]}"; do wait "$core" || code=1; done
  return $code
}

run() {
  case $1 in
    power) run_power ;;
    damage) cases outbox '[.soak]' ;;
    fuzz) tests/dev/fuzz.sh "$seconds" ;;
    tsan) run_tsan ;;
    *) cases "$1" '[.soak]' ;;
  esac
}

passed=0 failed=0
for name in "${names[@]}"; do
  start=$SECONDS
  run "$name" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  # A run that says nothing of what it did has not run.
  grep -q '^soak: ' "$log" || code=1
  if [ "$code" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "soak: $name $([ "$code" = 0 ] && echo passed || echo FAILED) in $((SECONDS - start)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
