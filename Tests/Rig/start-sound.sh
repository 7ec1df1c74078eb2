#!/bin/bash
# A sound system of its own in a folder: PipeWire, WirePlumber and pipewire-pulse without D-Bus, systemd or hardware,
# with a virtual microphone `vmic` and a virtual speaker `vspk`, both reachable as ALSA devices of those names.
#   Tests/Rig/start-sound.sh DIR   starts it, writes DIR/environment (NAME=value lines) and waits; ends it on SIGTERM,
#                                  SIGINT or when its standard input is closed
# DIR/kill-daemon makes it kill PipeWire and start it again once the file is gone; DIR/kill-pulse makes it kill
# pipewire-pulse alone, start another one and remove the file; while there is DIR/freeze-daemon, PipeWire stands still and
# DIR/frozen says so. QUANTUM (256) are the frames of a cycle of its graph.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,9s/^# *//p' "$0" >&2; exit 64; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ${#dir} -lt 80 ] || { echo "start-sound: $dir is too long for the path of a socket" >&2; exit 64; }
quantum=${QUANTUM:-256}
mkdir -p "$dir"/{runtime,pipewire,wireplumber/main.lua.d,state}
chmod 700 "$dir/runtime"

realtime="{ name = libpipewire-module-rt flags = [ ifexists nofail ]
      args = { nice.level = -11 rt.prio = 65 rtportal.enabled = false rtkit.enabled = false } }"
libraries="context.spa-libs = { audio.convert.* = audioconvert/libspa-audioconvert support.* = support/libspa-support }"

node() { # name, class, positions
    echo "{ factory = adapter args = { factory.name = support.null-audio-sink node.name = $1 media.class = $2
        audio.position = [ $3 ] object.linger = true } }"
}
cat >"$dir/pipewire/pipewire.conf" <<END
context.properties = {
    core.daemon = true core.name = pipewire-0 support.dbus = false log.level = 1
    default.clock.rate = 48000 default.clock.quantum = $quantum
    default.clock.min-quantum = 32 default.clock.max-quantum = 2048 settings.check-quantum = false
}
$libraries
context.modules = [
    $realtime
    { name = libpipewire-module-protocol-native } { name = libpipewire-module-metadata }
    { name = libpipewire-module-spa-node-factory } { name = libpipewire-module-client-node }
    { name = libpipewire-module-client-device } { name = libpipewire-module-access args = { } }
    { name = libpipewire-module-adapter } { name = libpipewire-module-link-factory }
    { name = libpipewire-module-session-manager }
]
context.objects = [
    { factory = spa-node-factory args = { factory.name = support.node.driver node.name = driver
        node.group = pipewire.dummy priority.driver = 20000 } }
    $(node vmic Audio/Duplex MONO)
    $(node vspk Audio/Sink 'FL FR')
]
END
client_modules="{ name = libpipewire-module-protocol-native } { name = libpipewire-module-client-node }
    { name = libpipewire-module-client-device } { name = libpipewire-module-adapter }
    { name = libpipewire-module-metadata } { name = libpipewire-module-session-manager }"
for name in client client-rt; do
    cat >"$dir/pipewire/$name.conf" <<END
context.properties = { support.dbus = false log.level = 0 }
$libraries
context.modules = [ $realtime $client_modules ]
stream.properties = { }
alsa.properties = { }
END
done
cat >"$dir/pipewire/pipewire-pulse.conf" <<END
context.properties = { support.dbus = false log.level = 1 }
$libraries
context.modules = [ $realtime $client_modules { name = libpipewire-module-protocol-pulse args = { } } ]
pulse.properties = { server.address = [ "unix:native" ] }
END
cat >"$dir/wireplumber/wireplumber.conf" <<END
context.properties = { log.level = 1 support.dbus = false wireplumber.script-engine = lua-scripting }
$libraries
context.modules = [ $realtime $client_modules ]
wireplumber.components = [
    { name = libwireplumber-module-lua-scripting, type = module }
    { name = main.lua, type = config/lua } { name = policy.lua, type = config/lua }
]
END
# In place of the installed file of that name, which looks for hardware and D-Bus.
cat >"$dir/wireplumber/main.lua.d/90-enable-all.lua" <<'END'
load_module("metadata")
default_access.properties["enable-flatpak-portal"] = false
default_access.enable()
device_defaults.enable()
END
installed=/usr/share/wireplumber
ln -sfn "$installed/policy.lua.d" "$dir/wireplumber/policy.lua.d"
ln -sfn "$installed/scripts" "$dir/wireplumber/scripts"
for file in 00-functions 20-default-access 40-device-defaults 40-stream-defaults 50-default-access-config; do
    ln -sfn "$installed/main.lua.d/$file.lua" "$dir/wireplumber/main.lua.d/$file.lua"
done
cat >"$dir/asound.conf" <<END
</usr/share/alsa/alsa.conf>
pcm.vspk { type pipewire playback_node "vspk" capture_node "vspk" hint { show on description "Virtual speaker" } }
pcm.vmic { type pipewire playback_node "vmic" capture_node "vmic" hint { show on description "Virtual microphone" } }
pcm.!default { type asym playback.pcm "vspk" capture.pcm "vmic" hint { show on description "Virtual sound" } }
END
cat >"$dir/environment.new" <<END
XDG_RUNTIME_DIR=$dir/runtime
PIPEWIRE_RUNTIME_DIR=$dir/runtime
PIPEWIRE_REMOTE=pipewire-0
PIPEWIRE_CONFIG_DIR=$dir/pipewire
WIREPLUMBER_CONFIG_DIR=$dir/wireplumber
WIREPLUMBER_DATA_DIR=$dir/wireplumber
XDG_STATE_HOME=$dir/state
PULSE_SERVER=unix:$dir/runtime/pulse/native
PULSE_RUNTIME_PATH=$dir/runtime/pulse
PULSE_COOKIE=$dir/runtime/cookie
ALSA_CONFIG_PATH=$dir/asound.conf
END
unset DBUS_SESSION_BUS_ADDRESS DISPLAY
set -a
# shellcheck disable=SC1091
. "$dir/environment.new"
set +a

daemons=()
start_pulse() {
    setpriv --pdeathsig KILL pipewire-pulse >>"$dir/log" 2>&1 </dev/null &
    daemons[2]=$!
}
start() {
    daemons=()
    # They end with this script however it ends.
    setpriv --pdeathsig KILL pipewire >>"$dir/log" 2>&1 </dev/null &
    daemons+=($!)
    for _ in $(seq 600); do [ -S "$dir/runtime/pipewire-0" ] && break; sleep 0.05; done
    setpriv --pdeathsig KILL wireplumber >>"$dir/log" 2>&1 </dev/null &
    daemons+=($!)
    start_pulse
    # Refused until WirePlumber is up.
    for _ in $(seq 500); do
        if pactl set-default-sink vspk && pactl set-default-source vmic; then return; fi 2>/dev/null
        sleep 0.1
    done
    echo "start-sound: no sound system within 50 s; its words are in $dir/log" >&2
    exit 69
}
stop() {
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
        kill -KILL "${daemons[i]}" 2>/dev/null || true
        wait "${daemons[i]}" 2>/dev/null || true
    done
    daemons=()
    rm -f "$dir/runtime/pipewire-0" "$dir/runtime/pulse/native"
}
trap 'stop' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
start
mv "$dir/environment.new" "$dir/environment"
while true; do
    # Standard input that closes ends the wait at once; nothing is ever written to it.
    status=0
    read -r -t 0.2 || status=$?
    [ "$status" -gt 128 ] || exit 0
    if [ -e "$dir/kill-pulse" ] && [ ${#daemons[@]} = 3 ]; then
        kill -KILL "${daemons[2]}" && wait "${daemons[2]}" 2>/dev/null || true
        rm -f "$dir/runtime/pulse/native"
        start_pulse
        rm -f "$dir/kill-pulse"
    fi
    if [ -e "$dir/freeze-daemon" ] && [ ! -e "$dir/frozen" ] && [ ${#daemons[@]} -gt 0 ]; then
        kill -STOP "${daemons[0]}" && touch "$dir/frozen"
    fi
    if [ ! -e "$dir/freeze-daemon" ] && [ -e "$dir/frozen" ]; then
        kill -CONT "${daemons[0]}" && rm -f "$dir/frozen"
    fi
    if [ -e "$dir/kill-daemon" ] && [ ${#daemons[@]} -gt 0 ]; then stop; fi
    if [ ! -e "$dir/kill-daemon" ] && [ ${#daemons[@]} = 0 ]; then start; fi
done
