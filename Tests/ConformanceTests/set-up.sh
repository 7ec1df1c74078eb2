#!/bin/bash
# Makes Autobahn|Testsuite runnable in a folder of its own, without touching the system.
#
# The suite is Python 2 code, which current distributions no longer carry. Debian 11 has both CPython 2.7 and PyPy (the
# latter checks UTF-8 and unmasks 50 times faster), so their packages are fetched, verified by apt's signatures and
# unpacked; the suite itself and its dependencies come from PyPI at pinned versions.
# usage: set-up.sh DIR        needs apt-get, dpkg, python3 with pip; about 150 MB
set -euo pipefail

root=$(mkdir -p "$1" && cd "$1" && pwd)
libraries=$root/system/usr/lib/$(uname -m)-linux-gnu
cpython=$root/system/usr/bin/python2.7
pypy=$root/system/usr/bin/pypy
packages="pypy pypy-lib python2.7 python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libffi7 libssl1.1"

fail() {
    echo "set-up.sh: $*" >&2
    exit 1
}

# Debian 11 from one mirror, into $root/system.
unpack_from() {
    local state=$root/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    rm -rf "$state" "$root/system"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
    [ -r $keyring ] || fail "install debian-archive-keyring: without it the packages can't be verified"
    echo "deb [signed-by=$keyring] $1 bullseye main" > "$state/sources.list"
    local options=(-qq -o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache"
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Acquire::Languages=none -o Acquire::Retries=2 -o APT::Update::Error-Mode=any
        -o Acquire::Check-Valid-Until=false)
    [ "$(id -u)" != 0 ] || options+=(-o APT::Sandbox::User=root)
    apt-get "${options[@]}" update || return 1
    (cd "$state/debs" && apt-get "${options[@]}" download $packages) || return 1
    for package in "$state"/debs/*.deb; do dpkg -x "$package" "$root/system" || return 1; done
    rm -rf "$state"
}

if [ ! -x "$pypy" ]; then
    configured=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v '^ *#' |
        grep -oE 'https?://[^] ]+/debian/?' | sort -u || true)
    found=
    for mirror in $configured; do
        echo "Python 2 from $mirror"
        if unpack_from "$mirror"; then found=yes; break; fi
    done
    [ -n "$found" ] || fail "no Debian mirror of /etc/apt gave the packages of Debian 11; is the network there?"
fi

echo "Autobahn|Testsuite from PyPI"
site=$root/site
rm -rf "$site"
mkdir -p "$root/wheels"
# The last pip for Python 2 runs straight from its wheel.
python3 -m pip download -q --no-deps -d "$root/wheels" pip==20.3.4 || fail "PyPI can't be reached"
install() {
    LD_LIBRARY_PATH=$libraries PYTHONPATH="$root/wheels/pip-20.3.4-py2.py3-none-any.whl:$site" \
        PYTHONWARNINGS=ignore "$cpython" -m pip install -q --no-cache-dir --no-deps --no-compile \
        --disable-pip-version-check -t "$site" "$@" 2> >(grep -vE 'DEPRECATION|already exists' >&2)
}
# First what the others need in order to be built.
install setuptools==44.1.1
install autobahntestsuite==25.10.1 autobahn==0.10.9 txaio==2.1.0 Twisted==20.3.0 zope.interface==4.6.0 \
    incremental==21.3.0 constantly==15.1.0 Automat==20.2.0 hyperlink==21.0.0 idna==2.10 PyHamcrest==1.9.0 \
    attrs==21.4.0 six==1.16.0 typing==3.10.0.0 enum34==1.1.10 ipaddress==1.0.23 jinja2==2.11.3 MarkupSafe==1.1.1 \
    unittest2==1.1.0 traceback2==1.4.0 linecache2==1.0.0
# zope is a namespace package, which only works installed the usual way.
touch "$site/zope/__init__.py"

# The suite imports twisted.internet.ssl at its start; over ws:// nothing of it is used, and PyPy has no OpenSSL module.
cat > "$root/fuzzing_server.py" << 'PYTHON'
import sys, types, warnings
warnings.simplefilter("ignore")
import twisted.internet
ssl = types.ModuleType("twisted.internet.ssl")
ssl.ClientContextFactory = type("ClientContextFactory", (object,), {})
sys.modules[ssl.__name__] = twisted.internet.ssl = ssl
from autobahntestsuite import wstest
wstest.run()
PYTHON

cat > "$root/wstest" << SHELL
#!/bin/bash
LD_LIBRARY_PATH=$libraries PYTHONPATH=$site PYTHONDONTWRITEBYTECODE=1 exec "$pypy" -u "$root/fuzzing_server.py" "\$@"
SHELL
chmod +x "$root/wstest"
"$root/wstest" -a | grep -q 'AutobahnTestSuite 25.10.1' || fail "the suite does not start: $("$root/wstest" -a 2>&1 | tail -1)"
touch "$root/ready"
