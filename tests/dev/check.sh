#!/usr/bin/env bash
# Format, tidy, sanitizers and a little fuzzing, inside the environment. Arguments: any of format tidy
# asan tsan fuzz; all without. Ends with how many of them passed.
set -uo pipefail

passed=0 failed=0
sources() { git ls-files 'include/*.hpp' 'src/*.hpp' 'src/*.cpp' 'tests/*.hpp' 'tests/*.cpp'; }

report() { # name, exit code, seconds
  if [ "$2" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "check: $1: $([ "$2" = 0 ] && echo passed || echo FAILED) in $3 s"
}

check_format() { sources | xargs clang-format --dry-run --Werror; }

# A dozen sources at a time: most of the work is in the headers that they share.
check_tidy() {
  cmake --preset tidy >/dev/null || return 1
  cmake --build build/tidy --target embedded_files >/dev/null || return 1
  sed -n 's/^ *"file": "\(.*\)",*$/\1/p' build/tidy/compile_commands.json |
    xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p build/tidy
}

sanitized() { # preset, test binaries…
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null || return 1
  cmake --build "build/$preset" --target "$@" | tail -1 || return 1
  local name
  for name in "$@"; do "build/$preset/tests/$name" '~[slow]' || return 1; done
}
check_asan() {
  sanitized asan base_tests config_tests outbox_tests relay_tests postgres_tests ingress_tests observe_tests
}
check_tsan() { sanitized tsan base_tests outbox_tests relay_tests ingress_tests; }

check_fuzz() { tests/dev/fuzz.sh 40; }

export ASAN_OPTIONS=detect_leaks=1 TSAN_OPTIONS=halt_on_error=1
for check in ${*:-format tidy asan tsan fuzz}; do
  start=$SECONDS
  "check_$check"
  report "$check" $? $((SECONDS - start))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
