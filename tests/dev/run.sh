#!/usr/bin/env bash
# `./dev run`: a private Postgres (unless DATABASE_URL is set), the daemon with its built-in defaults,
# and three commands to try. Ctrl-C stops everything that was started here.
set -euo pipefail

database=""
daemon=""
stop_all() {
  trap - EXIT INT TERM
  if [ -n "$daemon" ] && kill -TERM "$daemon" 2>/dev/null; then wait "$daemon" || true; fi
  [ -z "$database" ] || tests/dev/database.sh stop
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "${DATABASE_URL:-}" ]; then
  database=private
  tests/dev/database.sh start
  DATABASE_URL=$(tests/dev/database.sh url)
  export DATABASE_URL
fi

unset HOLDFAST_CONFIG
build/release/holdfast serve &
daemon=$!
until build/release/holdfast healthcheck >/dev/null 2>&1; do
  kill -0 "$daemon" 2>/dev/null || { wait "$daemon"; exit 1; }
  sleep 0.2
done

cat <<TXT

Holdfast is serving. Try, in another terminal:

  1. Post a message; it is on disk before the 202:
     curl -i http://127.0.0.1:8080/ingest/default -H 'Content-Type: application/json' -d '{"hello":"world"}'
TXT
if [ -n "$database" ]; then cat <<TXT
  2. Stop the database and post again; it is accepted all the same:
     ./dev exec tests/dev/database.sh stop
     curl -i http://127.0.0.1:8080/ingest/default -H 'Content-Type: application/json' -d '{"hello":"outage"}'
     (./dev exec tests/dev/database.sh start brings it back, and the backlog drains)
TXT
else cat <<TXT
  2. Stop the database behind DATABASE_URL and post again; it is accepted all the same.
TXT
fi
cat <<TXT
  3. Look at what is pending:
     ./dev exec build/release/holdfast outbox list --state pending
     curl -s http://127.0.0.1:9090/api/health

Ctrl-C stops everything that this started.

TXT
wait "$daemon"
