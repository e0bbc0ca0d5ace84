#!/usr/bin/env bash
# Format, reference, tidy, sanitizers and a little fuzzing, inside the environment. Arguments: any of
# format doc tidy asan tsan fuzz; all without. Ends with how many of them passed.
set -uo pipefail

passed=0 failed=0
sources() { git ls-files 'include/*.hpp' 'src/*.hpp' 'src/*.cpp' 'tests/*.hpp' 'tests/*.cpp' 'examples/*.cpp'; }

report() { # name, exit code, seconds
  if [ "$2" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "check: $1: $([ "$2" = 0 ] && echo passed || echo FAILED) in $3 s"
}

check_format() { sources | xargs clang-format --dry-run --Werror; }

# Doxygen over the public headers: no symbol without a comment. Its pages are the reference.
check_doc() {
  HOLDFAST_VERSION=$(sed -n 's/^#define HOLDFAST_VERSION_[A-Z]* //p' include/holdfast/version.hpp | paste -sd.)
  export HOLDFAST_VERSION
  rm -rf build/doxygen
  mkdir -p build
  doxygen docs/Doxyfile && finds_undocumented && echo "reference: build/doxygen/html/index.html"
}

# The same settings must tell each symbol of a header that has no comment.
finds_undocumented() {
  local sample=tests/tidy/undocumented.hpp scratch told name missed=0
  scratch=$(mktemp -d)
  if told=$({ cat docs/Doxyfile; echo "INPUT = $sample"; echo "USE_MDFILE_AS_MAINPAGE ="; \
              echo "OUTPUT_DIRECTORY = $scratch"; } | doxygen - 2>&1); then
    echo "check: doc: $sample passes" >&2
    missed=1
  fi
  rm -rf "$scratch"
  for name in $(grep -oE '(undocumented|Undocumented)[A-Za-z_]*' "$sample" | sort -u); do
    grep -qE "\\b$name\\b.*(is not documented|is missing)" <<<"$told" && continue
    echo "check: doc: $name of $sample has no comment, and Doxygen does not say so" >&2
    missed=1
  done
  return $missed
}

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
  # Two at a time: half of them mostly wait for servers. What a failing one printed is shown whole.
  printf '%s\n' "$@" | xargs -P 2 -I {} sh -c '
    log=build/$0/{}.log
    if timeout -k 10 900 "build/$0/tests/{}" "~[slow]" >"$log" 2>&1; then
      echo "{}: $(grep -a "All tests passed" "$log")"
    else
      echo "{}: exit $?"; cat "$log"; exit 1
    fi' "$preset"
}
check_asan() {
  sanitized asan postgres_tests wrapper_tests outbox_tests relay_tests ingress_tests observe_tests config_tests \
    embedded_tests logging_tests base_tests
}
check_tsan() {
  sanitized tsan wrapper_tests outbox_tests relay_tests ingress_tests embedded_tests logging_tests base_tests
}

# The same inputs each time: a check is for what changed, and luck is for `./dev soak fuzz`.
check_fuzz() { HOLDFAST_SEED=1 tests/dev/fuzz.sh 40; }

export ASAN_OPTIONS=detect_leaks=1 TSAN_OPTIONS=halt_on_error=1:suppressions=$PWD/tests/dev/tsan.supp
for check in ${*:-format doc tidy asan tsan fuzz}; do
  start=$SECONDS
  "check_$check"
  report "$check" $? $((SECONDS - start))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
