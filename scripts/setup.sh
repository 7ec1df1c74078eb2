#!/bin/sh
# Installs the Debian packages that are missing. As root, or as a user with sudo.
#   scripts/setup.sh build    what building and the demo need
#   scripts/setup.sh test     and what the tests need besides
#   scripts/setup.sh browser  and what clicking through the local server's pages needs
#   scripts/setup.sh bench    and what the benchmarks compare with
#   scripts/setup.sh latency  and what measures the delay, and what it is compared with
#   scripts/setup.sh judge    and what the judge of the voices listens with
set -eu

build="pkg-config libasound2-dev libopus-dev libssl-dev libsndfile1-dev libsqlite3-dev sox"
bench="$build python3-websockets wrk libsoxr-dev librubberband-dev libsoundtouch-dev"
browser="$build chromium chromium-driver python3-selenium fonts-dejavu-core"
peers="python3-websockets sndfile-programs util-linux bsdutils"
sound="alsa-utils libasound2-plugins pipewire pipewire-alsa pipewire-bin pipewire-pulse pulseaudio-utils wireplumber"
test="$build $peers $sound espeak-ng ffmpeg flac opus-tools openssl python3 python3-jsonschema python3-numpy"
test="$test python3-scipy python3-venv curl iproute2 sqlite3 dbus gnome-keyring libsecret-tools"
# Ubuntu has Chromium as a snap alone.
if grep -q '^ID=debian' /etc/os-release 2>/dev/null; then test="$test $browser"; fi
latency="$build $sound gstreamer1.0-tools gstreamer1.0-alsa gstreamer1.0-plugins-base python3 python3-numpy util-linux rt-tests"
judge="$build ffmpeg g++ libpulse0 librubberband2 python3-dev python3-venv soundstretch"
case "${1:-build}" in
build) wanted=$build ;;
test) wanted=$test ;;
bench) wanted=$bench ;;
latency) wanted=$latency ;;
judge) wanted=$judge ;;
browser) wanted=$browser ;;
*) echo "setup: unknown purpose '$1' (build, test, browser, bench, latency or judge)" >&2; exit 64 ;;
esac

if ! command -v swift >/dev/null 2>&1; then
    echo "setup: no swift on the PATH; install Swift $(cat .swift-version) from https://www.swift.org/install/linux" >&2
    exit 69
fi
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: not Debian or Ubuntu; install what these packages hold by hand: $wanted" >&2
    exit 69
fi

missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "setup: installing$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
else
    echo "setup: not root and no sudo; ask an administrator for: apt-get install$missing" >&2
    exit 77
fi
# An old package list is enough as long as it works; a new one is fetched only when it doesn't.
# shellcheck disable=SC2086
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install; then
    $as_root apt-get update -q >"$log" 2>&1 || true
    if ! install; then
        tail -n 5 "$log" >&2
        echo "setup: could not install:$missing (above: why; then run it again)" >&2
        exit 69
    fi
fi
