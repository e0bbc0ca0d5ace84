#!/usr/bin/env bash
# The private Postgres of `./dev run`: start | stop | url | psql. Its data survives between runs; it
# listens on 127.0.0.1 alone. Runs as user postgres when started by root, for Postgres refuses root.
set -euo pipefail

readonly port=${HOLDFAST_DEV_DATABASE_PORT:-54329}
if [ "$(id -u)" = 0 ]; then
  readonly data=/var/lib/postgresql/holdfast
  as_owner() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
else
  readonly data=${XDG_DATA_HOME:-$HOME/.local/share}/holdfast/postgres
  as_owner() { "$@"; }
fi
PATH=/usr/lib/postgresql/17/bin:$PATH

case ${1:-} in
  start)
    if [ ! -f "$data/PG_VERSION" ]; then
      [ "$(id -u)" != 0 ] || install -d -o postgres -g postgres -m 700 "$data"
      echo "dev: making a private Postgres in $data" >&2
      as_owner initdb -D "$data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
    fi
    as_owner pg_ctl -D "$data" status >/dev/null 2>&1 ||
      (cd / && as_owner pg_ctl -D "$data" -w -s -l "$data/server.log" \
        -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$data" start)
    ;;
  stop) (cd / && as_owner pg_ctl -D "$data" -s -m fast stop) ;;
  url) echo "postgresql://postgres@127.0.0.1:$port/postgres" ;;
  psql) shift; exec psql "postgresql://postgres@127.0.0.1:$port/postgres" "$@" ;;
  *) echo "usage: $0 start|stop|url|psql" >&2; exit 2 ;;
esac
