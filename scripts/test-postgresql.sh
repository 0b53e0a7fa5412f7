#!/bin/sh
# Runs the site's tests against a private PostgreSQL in a temporary folder: scripts/test-postgresql.sh [pytest arguments]
# POSTGRESQL_TESTS names files or folders; without it all of tests/web is run.
set -eu

cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

binaries=$(command -v initdb >/dev/null 2>&1 && dirname "$(command -v initdb)" || true)
for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && binaries=$folder
done
if [ -z "$binaries" ]; then
    echo "SKIPPED: no PostgreSQL on this machine (no initdb in /usr/lib/postgresql/*/bin or PATH); nothing was tested on it" >&2
    exit 0
fi

folder=$(mktemp -d /tmp/theratrial-postgresql.XXXXXX)
# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" = 0 ]; then (cd "$folder" && su postgres -s /bin/sh -c "$*"); else sh -c "$*"; fi
}
if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
stop() {
    as_owner "'$binaries/pg_ctl' -D '$folder/data' -m immediate stop" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT INT TERM

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as_owner "'$binaries/initdb' -D '$folder/data' -U theratrial -A trust -E UTF8" >/dev/null
as_owner "'$binaries/pg_ctl' -D '$folder/data' -l '$folder/log' -w start \
    -o '-p $port -k $folder -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off'" >/dev/null || {
    cat "$folder/log" >&2
    exit 1
}
THERATRIAL_TEST_DATABASE_URL="postgres://theratrial@127.0.0.1:$port/postgres" "$python" -m pytest ${POSTGRESQL_TESTS:-tests/web} "$@"
