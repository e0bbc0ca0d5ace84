#!/bin/sh
# Runs a command inside a root folder where namespaces are not permitted. Needs root.
# Arguments: the root, the checkout, the cache folder, then the command.
set -eu
root=$1 checkout=$2 cache=$3
shift 3
for folder in "$checkout" "$cache" /tmp /proc /dev; do
  mkdir -p "$root$folder"
  mountpoint -q "$root$folder" || mount --rbind "$folder" "$root$folder"
done
exec chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' sh "$checkout" "$@"
