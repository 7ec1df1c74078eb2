#!/bin/sh
# Serves, and lets Chromium click through the pages. usage: chromium.sh BINARY PICTURES [small]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# Chromium opens no file whose path goes upwards.
repository=$(cd "$here/../.." && pwd)
binary=$1 pictures=$2
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
echo "sk-browser 1000000" >"$folder/keys"
"$binary" serve --port 0 --token-file "$folder/keys" >"$folder/out" 2>"$folder/log" &
server=$!
until grep -q '^listening on' "$folder/out"; do
    kill -0 "$server" || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
address=$(sed -n 's|^listening on wss*://\([^/]*\)/.*|http://\1|p' "$folder/out")
HOME=$folder PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/chromium.py" "$address" "$pictures" \
    "$repository/fixtures/speech-female.wav" ${3:-}
