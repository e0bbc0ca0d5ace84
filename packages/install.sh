#!/bin/sh
# Installs the given Debian 13 packages on this machine, as root. Used by ./dev and the Dockerfile.
set -eu
"$(dirname "$0")/sources.sh" ""
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "$@" > /dev/null
