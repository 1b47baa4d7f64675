#!/bin/bash
# A Docker engine and Compose v2 for the container tests, on a bare Debian 12 or 13. Run as root.
#
#   engine.sh up      install what is missing, start an engine if none answers, make the base image
#   engine.sh down    end the engine that `up` started (an engine that was there before is left alone)
#   engine.sh status  say what there is
#
# Idempotent: every step first looks whether its result is already there. All state lies in one folder:
# the engine's pid, its log, and the lists and packages fetched for Compose.
set -euo pipefail

readonly state="${RINGCAST_DOCKER_STATE:-/var/lib/ringcast-docker}"
readonly pid_file="$state/dockerd.pid"
readonly log_file="$state/dockerd.log"
readonly base_image="${BASE_IMAGE:-python:3.13-slim-trixie}"
readonly start_timeout_sec=40

say() { printf 'engine: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

engine_is_ours() {
    [[ -s $pid_file ]] && [[ "$(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null)" == dockerd ]]
}

debian_release() { (. /etc/os-release && printf '%s' "${VERSION_ID:-0}"); }

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq install -y --no-install-recommends "$@" >>"$state/apt.log" 2>&1 && return
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends "$@" >>"$state/apt.log" 2>&1 ||
        fail "cannot install $*: see $state/apt.log"
}

install_engine() {
    command -v dockerd >/dev/null || { say "installing docker.io"; apt_install docker.io ca-certificates; }
    # From Debian 13 on the client is a package of its own.
    command -v docker >/dev/null || apt_install docker-cli
}

# Compose v2 and buildx are packages from Debian 13 on. Debian 12 gets those very packages, unpacked into the
# client's plugin folder: they need nothing but a C library that Debian 12 has.
install_plugins() {
    docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 && return
    if [[ $(debian_release) -ge 13 ]]; then
        say "installing docker-compose and docker-buildx"
        apt_install docker-compose docker-buildx
    else
        say "fetching Compose and buildx of Debian 13"
        fetch_plugins_from_trixie
        apt_install docker-compose # 1.29, which the Compose files must suit too
    fi
    docker compose version >&2 && docker buildx version >&2
}

fetch_plugins_from_trixie() {
    local unpacked="$state/trixie" plugins="${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins" plugin
    rm -rf "$unpacked"
    "$(dirname "$0")/../../../scripts/trixie.sh" "$unpacked" docker-compose docker-buildx
    mkdir -p "$plugins"
    for plugin in docker-compose docker-buildx; do
        install -m 755 "$(find "$unpacked" -path "*/cli-plugins/$plugin" -type f | head -n 1)" "$plugins/$plugin"
    done
    rm -rf "$unpacked"
}

# Without flags first; then for machines that have no usable iptables, no overlay file system, or neither.
start_engine() {
    engine_answers && return
    local flags
    for flags in "" "--storage-driver=vfs" "--iptables=false --ip6tables=false" \
        "--iptables=false --ip6tables=false --storage-driver=vfs"; do
        try_engine $flags && return
        say "no engine with flags '${flags}'; last lines of $log_file:"
        tail -n 3 "$log_file" >&2
    done
    fail "no Docker engine could be started: see $log_file"
}

try_engine() {
    mount_cgroups
    rm -f "$pid_file"
    say "starting dockerd $*"
    setsid dockerd --pidfile "$pid_file" "$@" >>"$log_file" 2>&1 </dev/null &
    local pid=$! deadline=$((SECONDS + start_timeout_sec))
    while ((SECONDS < deadline)); do
        engine_answers && return
        [[ -d /proc/$pid ]] || { wait "$pid" || true; return 1; }
        sleep 0.2
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    return 1
}

# A machine without systemd may have no control groups mounted; the engine needs them.
mount_cgroups() {
    mountpoint -q /sys/fs/cgroup && return
    mount -t cgroup2 none /sys/fs/cgroup || say "cannot mount control groups"
}

stop_engine() {
    engine_is_ours || { say "no engine of ours is running"; return; }
    local pid deadline=$((SECONDS + 30))
    pid=$(cat "$pid_file")
    kill "$pid"
    while [[ -d /proc/$pid ]] && ((SECONDS < deadline)); do sleep 0.2; done
    [[ -d /proc/$pid ]] && fail "dockerd ($pid) did not end: see $log_file"
    rm -f "$pid_file"
    say "engine ended"
}

status() {
    if engine_answers; then
        docker version --format 'engine {{.Server.Version}}, client {{.Client.Version}}'
        docker info --format 'storage {{.Driver}}, cgroup v{{.CgroupVersion}}'
        docker compose version
        docker buildx version
        engine_is_ours && echo "started by us, pid $(cat "$pid_file"), log $log_file"
        docker image inspect --format "$base_image {{.Id}}" "$base_image"
    else
        echo "no engine answers"
        return 1
    fi
}

[[ $(id -u) == 0 ]] || fail "run this as root"
mkdir -p "$state"
case "${1:-up}" in
    up)
        install_engine
        install_plugins
        start_engine
        "$(dirname "$0")/base_image.sh" "$base_image"
        status
        ;;
    down) stop_engine ;;
    status) status ;;
    *) fail "usage: $0 [up|down|status]" ;;
esac
