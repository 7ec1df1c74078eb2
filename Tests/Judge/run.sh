#!/bin/sh
# Judges the voices of a built command: sets up Python's packages, fetches the recordings, writes docs/voices.md.
# usage: run.sh BINARY        everything but the page goes into .cache/judge
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
cache=$repository/.cache/judge
if ! cmp -s "$here/requirements.txt" "$cache/venv/requirements.txt"; then
    echo "judge: setting up Python's packages"
    rm -rf "$cache/venv"
    /usr/bin/python3 -m venv "$cache/venv"
    "$cache/venv/bin/python" -m pip install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$cache/venv/requirements.txt"
fi
PYTHONDONTWRITEBYTECODE=1 exec "$cache/venv/bin/python" "$here/run.py" "$1" "$cache" "$repository/docs"
