#!/usr/bin/env bash
# Runs the built checks; what failed is said again at the end, where a person and a log's last screen look.
set -uo pipefail
cd "$(dirname "$0")/.."
# Some checks keep a processor busy, many wait for servers and clocks of their own: all at once they starve each other.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-6}
# A crash is told by its stacks alone: registers and images push them off a log's last screen.
export SWIFT_BACKTRACE=${SWIFT_BACKTRACE:-registers=none,images=none}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift test -c release --skip-build --disable-xctest "$@" 2>&1 | tee "$log"
status=$?
[ "$status" = 0 ] && exit 0
echo
echo "What failed:"
grep -aE -A2 '✘.* recorded an issue' "$log" | grep -aE 'recorded an issue|↳' | cut -c1-400 | tail -n 40
if closing=$(grep -aE '✘ Test run with' "$log"); then
    echo "$closing"
else
    echo "The run ended before its closing line:"
    # The thread that crashed, up to its stack's end.
    grep -aE '^\*\*\* (Program crashed|Signal)|Fatal error' "$log" | tail -n 4
    sed -nE '/^Thread [0-9].* crashed:/,/^\.\.\./p' "$log" | cut -c1-300 | head -n 60
fi
exit "$status"
