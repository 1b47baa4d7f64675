#!/bin/sh
# What container images say of themselves, as variables for compose.yaml: NAME=value lines.
#
#   image_labels.sh                    version of pyproject.toml, revision and date of the commit
#   image_labels.sh --tags [VERSION]   also names of the images that end with the version
#
#   env $(scripts/image_labels.sh --tags) docker compose build
set -eu
cd "$(dirname "$0")/.."

tags=
if [ "${1:-}" = --tags ]; then
    tags=yes
    shift
fi
version=${1:-$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)}

revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
created=$(git log -1 --format=%cI 2>/dev/null || echo unknown)
source=$(git config --get remote.origin.url 2>/dev/null | sed 's|//[^/@]*@|//|' || true)
if [ "$revision" != unknown ] && ! git diff --quiet HEAD -- 2>/dev/null; then
    revision=$revision-dirty
fi

printf 'IMAGE_VERSION=%s\nIMAGE_REVISION=%s\nIMAGE_CREATED=%s\nIMAGE_SOURCE=%s\n' \
    "$version" "$revision" "$created" "${source:-unknown}"
if [ -n "$tags" ]; then
    printf 'VIDEO_IMAGE=ringcast-video:%s\nAPI_IMAGE=ringcast-api:%s\n' "$version" "$version"
fi
