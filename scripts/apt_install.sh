#!/bin/sh
# Installs the Debian or Ubuntu packages named as arguments that are missing: as root, or with sudo.
# Otherwise says the exact command and fails.
set -eu

missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

become_root=
if [ "$(id -u)" != 0 ]; then
    become_root=sudo
    [ -t 0 ] || become_root="sudo -n" # nobody there to type a password
fi
if ! command -v apt-get >/dev/null || ! ${become_root:-true} true 2>/dev/null; then
    echo "missing:$missing. Install with: sudo apt-get install -y$missing" >&2
    exit 1
fi
echo "installing:$missing" >&2
$become_root apt-get update -q
# shellcheck disable=SC2086 # a list of words on purpose
$become_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
