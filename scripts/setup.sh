#!/bin/sh
# Makes .venv with the packages of requirements/dev.txt, each checked against its hash. Called by
# `make setup`; running it again changes nothing. PYTHON names the interpreter to build on.
set -eu
cd "$(dirname "$0")/.."

usable() { # exists, and is new enough
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! usable .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    if ! python=$(find_python); then
        echo "Ringcast needs Python 3.11 or newer; not found: ${PYTHON:-python3, python3.11 to python3.14}." >&2
        echo "Debian 12 and Ubuntu 24.04 have it: sudo apt-get install -y python3 python3-venv" >&2
        exit 1
    fi
    # Debian keeps ensurepip, without which there is no pip in a virtual environment, in a package.
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        scripts/apt_install.sh "$version-venv"
    fi
    "$python" -m venv --clear .venv
fi

# --no-deps: the file names every package there is. Pip before 23.3 looks at packages with extras anew, and the day a newer
# release of one appears it refuses the pinned one (pip#12345).
echo "installing the pinned packages into .venv" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --no-deps --require-hashes --requirement requirements/dev.txt
.venv/bin/python -m pip check --quiet
