#!/bin/bash
# Runs each fuzz target for so many minutes with AddressSanitizer; stops at the first finding.
#
# A finding is left in fixtures/fuzz/TARGET/ as a seed, so that it is tried first from then on. What the fuzzer learns
# is kept in .cache/fuzz, which a longer run goes on from.
# usage: run.sh MINUTES [TARGET ...]
set -euo pipefail

minutes=${1:?usage: run.sh MINUTES [TARGET ...]}
shift
repository=$(cd "$(dirname "$0")/../.." && pwd)
build=$repository/.build-fuzz
[ $# -gt 0 ] || set -- $(cd "$repository/Tests/Fuzz" && ls -d *Fuzz)

for target in "$@"; do
    # --sanitize lets libFuzzer have the main function; the last -sanitize is the one that the compiler takes. (Two
    # --sanitize would come in any order, and each file would have one of them alone.)
    QUOTA_VOICE_FUZZ=1 swift build --package-path "$repository" --scratch-path "$build" -c release \
        --product "$target" --sanitize=fuzzer \
        -Xswiftc -sanitize=address,fuzzer -Xcc -fsanitize=address,fuzzer-no-link
    symbols=$(nm "$build/release/$target.build/"*.o)
    for part in sancov __asan_report; do
        grep -q "$part" <<< "$symbols" || { echo "fuzz: FAILED, $target was built without $part" >&2; exit 1; }
    done
    seeds=$repository/fixtures/fuzz/$target
    learned=$repository/.cache/fuzz/$target
    mkdir -p "$seeds" "$learned"
    echo "== $target, $minutes min, $(ls "$seeds" | wc -l) seeds"
    # Swift's own crash handler would hide the sanitizer's report.
    SWIFT_BACKTRACE=enable=no nice "$build/release/$target" "$learned" "$seeds" -max_total_time=$((minutes * 60)) \
        -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$seeds/finding-" > "$learned.log" 2>&1 ||
        { tail -40 "$learned.log"; echo "fuzz: FAILED, $target found something; the input is in $seeds" >&2; exit 1; }
    if grep -q 'Is the code instrumented' "$learned.log"; then
        echo "fuzz: FAILED, $target ran without coverage and so tried nothing but noise" >&2
        exit 1
    fi
    grep -E 'stat::(number|average)' "$learned.log"
done
echo "fuzz: passed"
