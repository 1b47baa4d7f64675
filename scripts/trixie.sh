#!/bin/bash
# Unpacks packages of Debian 13 (trixie) into a folder, on a machine that has an older Debian: for programs
# that need no more of it than its C library. Installs nothing. Run as root.
#
#   scripts/trixie.sh FOLDER PACKAGE...
set -euo pipefail

readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
readonly newest_keys=/usr/share/keyrings/debian-archive-trixie-stable.gpg

say() { printf 'trixie: %s\n' "$*" >&2; }

# The address of the machine's own mirror, as apt has it.
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
        sed -n 1p
}

[[ $# -ge 2 ]] || { say "usage: $0 FOLDER PACKAGE..."; exit 2; }
mkdir -p "$1"
folder=$(realpath "$1")
shift
address=$(mirror)
[[ -n $address ]] || { apt-get -qq update && address=$(mirror); }
[[ -n $address ]] || { say "apt knows no Debian mirror"; exit 1; }
if [[ ! -e $newest_keys ]]; then
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends debian-archive-keyring >&2
fi

apt=$(mktemp -d /var/tmp/ringcast-trixie.XXXXXX)
readonly apt
trap 'rm -rf --one-file-system "$apt"' EXIT
mkdir -p "$apt"/{sources,lists/partial,cache/archives/partial}
printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: %s\n' "$address" "$keyring" \
    >"$apt/sources/trixie.sources"
# No status: of a package that is installed from elsewhere apt would want that very version.
cat >"$apt/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$apt/sources";
Dir::State::Lists "$apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$apt/apt.conf"
apt-get -qq update >&2
(cd "$apt/cache" && apt-get -qq download "$@" >&2)
for package in "$apt"/cache/*.deb; do dpkg-deb -x "$package" "$folder"; done
