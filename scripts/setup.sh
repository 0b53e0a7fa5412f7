#!/bin/sh
# Make .venv hold exactly what a lock file says, and the project itself. `setup.sh run` installs what the program needs,
# `setup.sh dev` also the tools of a developer. Nothing is done, and no network asked, when it is up to date.
set -eu
cd "$(dirname "$0")/.."

want=${1:-dev}
case $want in
    run) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "usage: scripts/setup.sh run|dev" >&2; exit 2 ;;
esac
venv_python=.venv/bin/python
unfinished=.venv/theratrial-setup-unfinished
pip_log=.cache/setup.log

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Everything the result depends on: the pins, the project's own metadata, this script, where the environment lies
# (scripts inside .venv hold absolute paths) and which Python it was made with.
stamp_of() {
    { cat "$1" pyproject.toml scripts/setup.sh; pwd -P; "$venv_python" --version; } 2>/dev/null | sha256sum
}
is_current() {
    [ -x "$venv_python" ] && [ ! -e "$unfinished" ] && [ -f "$2" ] && [ "$(cat "$2")" = "$(stamp_of "$1")" ]
}

# The developer's environment holds everything that the program needs.
if is_current requirements-dev.lock .venv/theratrial-setup-dev; then exit 0; fi
if [ "$want" = run ] && is_current requirements.lock .venv/theratrial-setup-run; then exit 0; fi

# Not newer: some of the locked packages have no ready-made wheel for Python 3.14 yet.
suits='import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
find_python() {
    # A Python named by the user is taken or refused, never exchanged for another.
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$suits" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    first=${PYTHON:-python3}
    if found=$("$first" --version 2>&1); then
        fail "$first is $found, but theratrial needs Python 3.11, 3.12 or 3.13." \
            "On Debian 12 or 13: apt install python3 python3-venv. Or name one: make setup PYTHON=/path/to/python3.12"
    fi
    fail "no Python found ($first). On Debian: apt install python3 python3-venv"
}

mkdir -p .cache
[ -w .cache ] || fail "the folder $(pwd) cannot be written to; copy the checkout to a place that is yours"

# Pip keeps its downloads in the home folder; where that is missing or read-only, in the checkout.
if [ -z "${PIP_CACHE_DIR:-}" ]; then
    if mkdir -p "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/pip" 2>/dev/null \
        && [ -w "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/pip" ]; then :; else
        PIP_CACHE_DIR=$(pwd)/.cache/pip
        export PIP_CACHE_DIR
    fi
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
# These would send the installation somewhere else than into .venv.
unset PIP_USER PIP_TARGET PIP_PREFIX PYTHONPATH PYTHONHOME

usable() { [ -x "$venv_python" ] && "$venv_python" -c "$suits" && "$venv_python" -m pip --version; }
moved() { ! grep -qF "$(pwd -P)/.venv" .venv/bin/pip; }
if [ -e "$unfinished" ] || moved 2>/dev/null || ! usable >/dev/null 2>&1; then
    python=$(find_python)
    say "making .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv >"$pip_log" 2>&1 || {
        cat "$pip_log" >&2
        rm -rf .venv
        fail "python3 could not make a virtual environment. On Debian: apt install python3-venv"
    }
fi
: >"$unfinished"
rm -f .venv/theratrial-setup-run .venv/theratrial-setup-dev

install() {
    "$venv_python" -m pip install --quiet --progress-bar off "$@" >"$pip_log" 2>&1 || {
        cat "$pip_log" >&2
        fail "pip could not install (its words are above, and in $pip_log)." \
            "Offline? The first set-up needs the Python package index or a mirror (PIP_INDEX_URL);" \
            "behind a proxy set https_proxy. Then type the same command again."
    }
}
say "installing the packages of $lock (a minute or two the first time)"
# The lock names every package, so none is looked for beyond it; only ready-made wheels, so no compiler is needed.
install --require-hashes --no-deps --only-binary :all: --requirement "$lock"
install --no-deps --no-build-isolation --no-index --editable .
"$venv_python" -m pip check >"$pip_log" 2>&1 || { cat "$pip_log" >&2; fail "the lock and pyproject.toml disagree: make lock"; }

stamp_of "$lock" >".venv/theratrial-setup-$want"
rm -f "$unfinished"
say "done"
