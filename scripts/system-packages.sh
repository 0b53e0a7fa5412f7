#!/bin/sh
# Debian packages that theratrial can use but does not need. As root, what is missing is installed; otherwise the line
# to type is printed and the work goes on. Never an error: without them the PDF is an HTML page, and tests skip.
#   system-packages.sh run    Pango and fonts: the report as PDF
#   system-packages.sh test   also Chromium (looks at pages), dcmtk (foreign DICOM reader), poppler (looks into PDFs),
#                             PostgreSQL (the site's tests run on it too), Orthanc (a PACS to speak with; the tests start
#                             their own, the system's service is left stopped)
# THERATRIAL_SYSTEM_PACKAGES=skip leaves the system alone.
set -u

run_packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
test_packages="$run_packages chromium dcmtk poppler-utils postgresql orthanc orthanc-dicomweb"
case ${1:-run} in
    run) wanted=$run_packages purpose="the report as PDF (without them: HTML only)" ;;
    test) wanted=$test_packages purpose="some tests (without them: skipped) and the report as PDF" ;;
    *) echo "usage: scripts/system-packages.sh run|test" >&2; exit 2 ;;
esac
[ "${THERATRIAL_SYSTEM_PACKAGES:-}" = skip ] && exit 0

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    echo "system packages: this is not a Debian system; useful for $purpose are what Debian calls $wanted"
    exit 0
fi
missing=
for package in $wanted; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=absent
    [ "$status" = installed ] || missing="$missing $package"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

line="apt-get install --no-install-recommends $missing"
if [ "$(id -u)" != 0 ]; then
    echo "system packages: for $purpose type as root:  $line"
    exit 0
fi
echo "system packages: installing $missing, for $purpose"
log=$(mktemp) || exit 0
trap 'rm -f "$log"' EXIT
# A PACS that starts with the machine is more than a test may ask for: its service is stopped where we brought it.
leave_stopped() {
    case " $missing " in *" orthanc "*) ;; *) return 0 ;; esac
    [ -d /run/systemd/system ] && systemctl disable --now orthanc >/dev/null 2>&1
    return 0
}
quick="-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=60"
export DEBIAN_FRONTEND=noninteractive
# One at a time if all at once is refused: a release that lacks one of them should still get the others.
# shellcheck disable=SC2086 - the lists are words
if apt-get $quick update >"$log" 2>&1 && {
    apt-get $quick install --yes --no-install-recommends $missing >>"$log" 2>&1 || {
        failed=
        for package in $missing; do
            apt-get $quick install --yes --no-install-recommends "$package" >>"$log" 2>&1 || failed="$failed $package"
        done
        [ -z "$failed" ]
    }
}; then
    leave_stopped
    exit 0
fi
leave_stopped
tail -n 5 "$log" >&2
echo "system packages: warning: could not install${failed:- $missing}; going on without. Later, as root:  apt-get update && $line" >&2
exit 0
