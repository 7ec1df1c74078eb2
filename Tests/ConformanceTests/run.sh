#!/bin/bash
# Runs our WebSocket client against Autobahn|Testsuite's fuzzing server and compares each case with expected.txt.
#
# Any difference fails, better or worse; so does a suite that can't be set up. Sections 12 and 13 (permessage-deflate)
# are left out: the client offers no extension, so a server can't use one.
# usage: run.sh [--accept]      --accept writes what was found into expected.txt
# environment: AUTOBAHN_DIR  where the suite is or will be set up (default .cache/autobahn in the repository)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
suite=${AUTOBAHN_DIR:-$repository/.cache/autobahn}
results=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$results"
}
trap finish EXIT

if [ ! -e "$suite/ready" ] && ! "$here/set-up.sh" "$suite"; then
    echo "conformance: FAILED, Autobahn|Testsuite could not be set up in $suite" >&2
    exit 1
fi
swift build --package-path "$repository" -c release --product AutobahnClient
client=$(swift build --package-path "$repository" -c release --show-bin-path)/AutobahnClient

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$results/spec.json" << JSON
{"url": "ws://127.0.0.1:$port", "outdir": "$results", "cases": ["*"], "exclude-cases": ["12.*", "13.*"],
 "exclude-agent-cases": {}}
JSON
(cd "$results" && exec "$suite/wstest" -m fuzzingserver -u 0 -s spec.json > server.log 2>&1) &
server=$!
for _ in $(seq 150); do
    if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    if ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.2
done
if ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "conformance: FAILED, the fuzzing server did not start:" >&2
    tail -5 "$results/server.log" >&2
    exit 1
fi

timeout 900 "$client" "ws://127.0.0.1:$port" quota_voice
python3 "$here/judge.py" "$results/index.json" "$here/expected.txt" "$@"
