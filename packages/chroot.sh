#!/bin/sh
# Runs a command inside a root folder where namespaces are not permitted. Needs root, and the right to
# mount: a container without it cannot share the checkout with another root, and says so.
# Arguments: the root, the checkout, the cache folder, then the command.
set -eu
root=$1 checkout=$2 cache=$3
shift 3
for folder in "$checkout" "$cache/ccache" /tmp /proc /dev; do
  mkdir -p "$root$folder"
  mountpoint -q "$root$folder" || mount --rbind "$folder" "$root$folder" || {
    echo "dev: this container permits neither namespaces nor mounts; use a Debian 13 image," \
      "where nothing needs to be entered, or give it CAP_SYS_ADMIN" >&2
    exit 1
  }
done
exec chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' sh "$checkout" "$@"
