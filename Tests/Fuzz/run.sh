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
    QUOTA_VOICE_FUZZ=1 swift build --package-path "$repository" --scratch-path "$build" -c release \
        --product "$target" --sanitize=fuzzer --sanitize=address
    seeds=$repository/fixtures/fuzz/$target
    learned=$repository/.cache/fuzz/$target
    mkdir -p "$seeds" "$learned"
    echo "== $target, $minutes min, $(ls "$seeds" | wc -l) seeds"
    # Swift's own crash handler would hide the sanitizer's report.
    SWIFT_BACKTRACE=enable=no nice "$build/release/$target" "$learned" "$seeds" -max_total_time=$((minutes * 60)) \
        -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$seeds/finding-" > "$learned.log" 2>&1 ||
        { tail -40 "$learned.log"; echo "fuzz: FAILED, $target found something; the input is in $seeds" >&2; exit 1; }
    grep -E 'stat::(number|average)' "$learned.log"
done
echo "fuzz: passed"
