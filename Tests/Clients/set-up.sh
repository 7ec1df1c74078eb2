#!/bin/sh
# Makes the Python that third-party clients run in, once: .cache/clients-HASH below the checkout. Prints its path.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
hash=$(sha256sum "$here/requirements.txt" | cut -c1-12)
place="$root/.cache/clients-$hash"
if [ ! -e "$place/done" ]; then
    mkdir -p "$root/.cache"
    # One maker at a time; whoever waited finds it made.
    exec 9>"$root/.cache/clients.lock"
    flock 9
    if [ ! -e "$place/done" ]; then
        rm -rf "$place"
        python3 -m venv "$place" >&2
        "$place/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
        touch "$place/done"
    fi
fi
echo "$place/bin/python"
