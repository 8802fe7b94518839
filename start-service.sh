#!/usr/bin/env bash
# Sets StringX up in a virtual environment beside this file, and starts it; or in containers.
#
#   ./start-service.sh           run it until Ctrl-C, on http://127.0.0.1:5001
#   ./start-service.sh demo      judge real flights data, show what was found, and end;
#                                with --kafka a gate is asked over Kafka, too
#   ./start-service.sh docker    build the image, start everything in containers, and say where it is
#   ./start-service.sh down      stop these containers; what is stored stays
set -euo pipefail
cd "$(dirname "$0")"

# Settings of one's own; .env.example has them all.
if [ -f .env ]; then
    set -a
    # shellcheck disable=SC1091
    . ./.env
    set +a
fi

python=${STRINGX_PYTHON:-python3.11}
venv=.venv

say() { printf '%s\n' "$*" >&2; }

make_venv() {
    if ! command -v "$python" >/dev/null; then
        say "StringX needs Python 3.11: $python isn't there (STRINGX_PYTHON names another)."
        exit 3
    fi
    say "Setting up the virtual environment, once; this takes a minute ..."
    if ! "$python" -m venv --clear "$venv"; then
        say "Python can't make virtual environments here; on Debian: apt-get install python3-venv"
        exit 3
    fi
}

# A mark with the hash of what was installed, so that an unchanged environment is taken as it is.
install() {
    local file=$1 mark
    shift
    mark="$venv/installed-$(sha256sum "$file" | cut -c1-16)"
    [ -e "$mark" ] && return
    say "Installing $file ..."
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        "$@" -r "$file"
    touch "$mark"
}

set_up() {
    [ -x "$venv/bin/python" ] || make_venv
    install requirements.txt
}

usage() {
    say "usage: ./start-service.sh [demo [--kafka] | docker | down]"
    exit 2
}

case "${1:-up}" in
    up)
        [ $# -le 1 ] || usage
        set_up
        exec "$venv/bin/python" app.py up
        ;;
    demo)
        set_up
        install requirements-demo.txt --no-deps
        exec "$venv/bin/python" app.py "$@"
        ;;
    docker | down)
        [ $# -eq 1 ] || usage
        exec deploy/containers.sh "$1"
        ;;
    *)
        usage
        ;;
esac
