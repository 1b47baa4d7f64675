#!/bin/bash
# A stand-in for the base image, for machines that reach Debian's packages but no image registry. Run as root.
#
#   base_image.sh [NAME]     default python:3.13-slim-trixie
#
# Does nothing when the image exists. Tries to pull it first when RINGCAST_PULL=1. The stand-in is a minimal
# Debian 13, whose python3 is 3.13, with this machine's certificates: what an image build on it downloads is
# trusted as on this machine.
set -euo pipefail

readonly name="${1:-python:3.13-slim-trixie}"

say() { printf 'base image: %s\n' "$*" >&2; }

docker image inspect "$name" >/dev/null 2>&1 && exit 0
if [[ ${RINGCAST_PULL:-0} == 1 ]] && timeout 300 docker pull --quiet "$name"; then exit 0; fi

if ! command -v debootstrap >/dev/null || [[ ! -e /usr/share/keyrings/debian-archive-trixie-stable.gpg ]]; then
    say "installing debootstrap"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends debootstrap debian-archive-keyring gpgv >/dev/null
fi

root=$(mktemp -d /var/tmp/ringcast-base.XXXXXX)
readonly root
trap 'rm -rf --one-file-system "$root"' EXIT
say "making $name with debootstrap"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg trixie "$root" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; say "debootstrap failed: see $root.log"; exit 1; }
rm -f "$root.log"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
fi
tar -C "$root" --numeric-owner --exclude=./dev -c . |
    docker import --change 'CMD ["python3"]' --change 'LABEL ringcast.stand-in=true' - "$name" >/dev/null
say "made $name ($(docker image inspect --format '{{.Size}}' "$name") bytes)"
