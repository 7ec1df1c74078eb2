#!/bin/sh
# Measures the delay from the microphone to the speaker and writes docs/latency.md and docs/latency.svg.
# usage: run.sh BINARY [-n COUNT] [--rounds COUNT] [--only NAME]...
# About seven minutes. As root the sound system and the sessions run in real time, as for a user with the right to it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
binary=$1
shift
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/run.py" "$binary" "$repository/.cache/latency" \
    "$repository/docs" "$@"
