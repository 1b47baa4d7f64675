#!/bin/bash
# Prints the path of a kubectl whose Kustomize is 5 or newer; all it is used for is `kubectl kustomize`.
#
# The one on the PATH if it is new enough; else, as root on Debian, that of Debian 13, installed there and
# unpacked beside the system elsewhere: Debian 12 has Kustomize 2 only.
set -euo pipefail

readonly unpacked="${RINGCAST_KUBECTL_STATE:-/var/lib/ringcast-kubectl}"
readonly candidates=(kubectl "$unpacked/usr/bin/kubectl")

say() { printf 'kubectl: %s\n' "$*" >&2; }

new_enough() { # program
    local version
    version=$("$1" version --client 2>/dev/null | sed -n 's/^Kustomize Version: v\([0-9]*\)\..*/\1/p')
    [[ ${version:-0} -ge 5 ]]
}

found() {
    local program
    for program in "${candidates[@]}"; do
        if command -v "$program" >/dev/null && new_enough "$program"; then
            command -v "$program"
            return
        fi
    done
    return 1
}

fetch() {
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
    say "fetching that of Debian 13"
    if [[ $(. /etc/os-release && printf '%s' "${ID:-}${VERSION_ID:-0}") == debian13 ]]; then
        "$(dirname "$0")/apt_install.sh" kubectl >&2
    else
        "$(dirname "$0")/trixie.sh" "$unpacked" kubectl
    fi
}

found && exit
fetch && found && exit
say "needed: one with Kustomize 5 or newer (kubectl 1.27 or newer) on the PATH; as root on Debian it is fetched"
exit 1
