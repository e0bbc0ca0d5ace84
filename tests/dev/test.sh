#!/usr/bin/env bash
# Runs what must pass, inside the environment. Arguments: the build folder, then ctest's own.
set -uo pipefail
build=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
ctest --test-dir "$build" --output-on-failure -j 4 "$@" | tee "$log"
code=${PIPESTATUS[0]}
passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log")
failed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*(Failed|Timeout|Not Run|Exception) ' "$log")
echo "$passed passed, $failed failed"
[ "$passed" -gt 0 ] || code=1
exit "$code"
