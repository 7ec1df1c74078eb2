#!/bin/sh
# Builds the test card and the heap's watcher into a folder: Tests/Rig/build-device.sh DIR makes
# DIR/libasound_module_pcm_rig.so and DIR/heap_watch.so.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"${CC:-clang}" -O2 -Wall -Wextra -Werror -shared -fPIC -o "$1/libasound_module_pcm_rig.so" "$here/rig_device.c" -lasound
"${CC:-clang}" -O2 -Wall -Wextra -Werror -shared -fPIC -o "$1/heap_watch.so" "$here/heap_watch.c" -ldl
