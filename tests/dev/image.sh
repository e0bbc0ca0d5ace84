#!/usr/bin/env bash
# Runs the steps of the Dockerfile without a container engine: each stage in a Debian 13 root of its
# own. Then starts the result as its user and runs its health check. Needs root, mmdebstrap, bwrap.
set -euo pipefail

work=$(mktemp -d /tmp/holdfast-image.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
user=root workdir=/ stage="" entrypoint="" command="" health=""

say() { printf 'image: %s\n' "$*" >&2; }

# The words of an exec-form instruction, one a line: ["a", "b"].
words() { sed -e 's/^\[//' -e 's/\]$//' -e 's/, */\n/g' <<<"$1" | sed -e 's/^"//' -e 's/"$//'; }

enter() { # command…
  local as=()
  [ "$user" = root ] || as=(setpriv --reuid="$user" --regid="$user" --clear-groups)
  bwrap --bind "$work/$stage" / --ro-bind-try /etc/resolv.conf /etc/resolv.conf --dev /dev --proc /proc \
    --tmpfs /run --unshare-pid --die-with-parent --chdir "$workdir" \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 "${environment[@]}" "${as[@]}" "$@"
}
environment=(DEBIAN_FRONTEND=noninteractive)

copy() { # [--from=stage] sources… target
  local from=$PWD
  case $1 in --from=*) from=$work/${1#--from=}; shift ;; esac
  local target=${*: -1}
  case $target in /*) ;; *) target=$workdir/$target ;; esac
  mkdir -p "$work/$stage$(dirname "$target")"
  while [ $# -gt 1 ]; do
    if [ -d "$from/$1" ]; then mkdir -p "$work/$stage$target" && cp -a "$from/$1/." "$work/$stage$target/"
    else cp -a "$from/$1" "$work/$stage$target"; fi
    shift
  done
}

say "making the base root, as debian:trixie-slim"
mmdebstrap --quiet --variant=minbase --include=ca-certificates trixie "$work/base"
while read -r instruction rest; do
  case $instruction in
    ''|'#'*) continue ;;
    FROM)
      case $rest in *' AS '*) stage=${rest##* AS } ;; *) stage=final ;; esac
      cp -a "$work/base" "$work/$stage"
      user=root workdir=/
      ;;
    WORKDIR) workdir=$rest; mkdir -p "$work/$stage$workdir" ;;
    RUN) enter sh -c "$rest" </dev/null ;;
    # shellcheck disable=SC2086
    COPY) copy $rest ;;
    USER) user=$rest ;;
    ENTRYPOINT) entrypoint=$rest ;;
    CMD) command=$rest ;;
    HEALTHCHECK) health=${rest#*CMD } ;;
    VOLUME|EXPOSE|STOPSIGNAL) ;;
    *) say "unknown instruction $instruction"; exit 1 ;;
  esac
  say "$instruction $rest"
done < Dockerfile

# One namespace for the daemon and its health check, as in a container; ports of this machine are shared.
mapfile -t serve < <(words "$entrypoint"; words "$command")
mapfile -t probe < <(words "$health")
sed -i -e 's/0.0.0.0:8080/127.0.0.1:18080/' -e 's/127.0.0.1:9090/127.0.0.1:19090/' \
  "$work/final/etc/holdfast/holdfast.toml"
environment=(HOLDFAST_TOKEN=secret-of-the-test)
say "starting ${serve[*]} as $user, then ${probe[*]}"
enter sh -c '
  if holdfast validate >/dev/null 2>&1 && [ -z "$HOLDFAST_TOKEN" ]; then exit 1; fi
  '"${serve[*]}"' & daemon=$!
  tries=0
  until '"${probe[*]}"'; do
    tries=$((tries + 1)); [ "$tries" -lt 50 ] || exit 1
    kill -0 "$daemon" || exit 1
    sleep 0.2
  done
  test "$(id -u)" != 0 && kill -TERM "$daemon" && wait "$daemon"' </dev/null
say "healthy, and ended with exit code 0"
