#!/bin/sh
# The side environment in which CDISC's own rules run (Python 3.12; theratrial itself needs none of it).
# The tool is found by CONFORMANCE_DIR, default ../shared/tools/conformance; the environment by CONFORMANCE_VENV, default
# .cache/conformance. Safe to run again; where tool or Python 3.12 is missing it says so and the tests skip. Never an error.
set -u

cd "$(dirname "$0")/.." || exit 0
tool=${CONFORMANCE_DIR:-../shared/tools/conformance}
[ "${THERATRIAL_CONFORMANCE:-}" = skip ] && exit 0
if [ ! -x "$tool/setup.sh" ]; then
    echo "conformance: no tool in $tool (CONFORMANCE_DIR); the checks of CDISC's rules will be skipped"
    exit 0
fi
CONFORMANCE_VENV=${CONFORMANCE_VENV:-$PWD/.cache/conformance}
export CONFORMANCE_VENV
mkdir -p "$(dirname "$CONFORMANCE_VENV")"
log=$(mktemp) || exit 0
trap 'rm -f "$log"' EXIT
if ! "$tool/setup.sh" >"$log" 2>&1; then
    echo "conformance: the side environment could not be made; the checks of CDISC's rules will be skipped:"
    tail -n 3 "$log"
fi
exit 0
