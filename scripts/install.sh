#!/bin/sh
# Installs the built command and its shell completions below the folder given.
set -eu
DESTDIR=${DESTDIR:-}
prefix=$1
binary=$(swift build -c release --show-bin-path)/quota-voice

install -D -m 755 "$binary" "$DESTDIR$prefix/bin/quota-voice"
completion() {
    mkdir -p "$(dirname "$2")"
    "$binary" --generate-completion-script "$1" >"$2"
    echo "completion for $1: $2"
}
completion bash "$DESTDIR$prefix/share/bash-completion/completions/quota-voice"
completion zsh "$DESTDIR$prefix/share/zsh/site-functions/_quota-voice"
completion fish "$DESTDIR$prefix/share/fish/vendor_completions.d/quota-voice.fish"
echo "installed: $DESTDIR$prefix/bin/quota-voice"
