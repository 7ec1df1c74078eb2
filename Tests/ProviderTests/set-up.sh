#!/bin/sh
# Sets up the Python in which clients of others meet the provider; prints its path. Does nothing when all is there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/provider
mkdir -p "$cache"
(
    flock 9
    if ! cmp -s "$here/requirements.txt" "$cache/venv/requirements.txt"; then
        echo "provider: setting up Python's packages" >&2
        rm -rf "$cache/venv"
        /usr/bin/python3 -m venv "$cache/venv" >&2
        "$cache/venv/bin/python" -m pip install -q --disable-pip-version-check -r "$here/requirements.txt" >&2
        cp "$here/requirements.txt" "$cache/venv/requirements.txt"
    fi
) 9>"$cache/lock"
echo "$cache/venv/bin/python"
