#!/bin/bash
# Pins and hashes everything that pyproject.toml asks for, once for all of Python 3.11 to 3.14 on x86_64 and aarch64.
#
#   requirements/compile.sh              keep the pins there are, add and remove what changed in pyproject.toml
#   requirements/compile.sh --upgrade    the newest versions (or --upgrade-package NAME)
#
# Needs uv, in .venv or on PATH. Lines for the index in the machine's own pip or uv configuration
# never reach the files.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v .venv/bin/uv || command -v uv) || { echo "uv is missing: .venv/bin/pip install uv" >&2; exit 1; }
for name in video api dev; do
    # fewest: one version of each package for all Pythons, not the newest for each.
    "$uv" pip compile pyproject.toml --extra "$name" --output-file "requirements/$name.txt" \
        --universal --python-version 3.11 --fork-strategy fewest --only-binary :all: --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command requirements/compile.sh --quiet "$@"
done
