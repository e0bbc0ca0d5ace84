#!/bin/sh
# Prepares the package sources of a Debian 13 root: backports beside the mirror it already has, and
# cpp-httplib alone taken from there. Argument: the root folder ("" for this machine).
set -eu
root=$1
list=$root/etc/apt/sources.list
if [ -s "$list" ]; then
  sed -n '1s/ trixie / trixie-backports /p' "$list" > "$root/etc/apt/sources.list.d/backports.list"
elif ! grep -qs trixie-backports "$root"/etc/apt/sources.list.d/*; then
  # The newer format, as in the official container images: the same file with another suite.
  sed -e 's/^Suites:.*/Suites: trixie-backports/' "$root/etc/apt/sources.list.d/debian.sources" |
    awk 'BEGIN { RS = ""; ORS = "\n\n" } NR == 1' > "$root/etc/apt/sources.list.d/backports.sources"
fi
mkdir -p "$root/etc/apt/preferences.d" "$root/etc/postgresql-common/createcluster.d"
cat > "$root/etc/apt/preferences.d/cpp-httplib" <<TXT
Package: src:cpp-httplib
Pin: release n=trixie-backports
Pin-Priority: 900
TXT
# A server that starts by itself is not wanted: the tests and ./dev run make their own.
echo 'create_main_cluster = false' > "$root/etc/postgresql-common/createcluster.d/holdfast.conf"
