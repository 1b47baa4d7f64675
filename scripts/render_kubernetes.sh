#!/bin/bash
# Writes deploy/kubernetes as plain YAML, for `kubectl apply -f` without Kustomize.
#
#   scripts/render_kubernetes.sh [FOLDER]     default deploy/kubernetes/rendered
set -euo pipefail
cd "$(dirname "$0")/.."

readonly source=deploy/kubernetes
readonly target="${1:-$source/rendered}"
kubectl=$(scripts/kubectl.sh)
readonly kubectl

mkdir -p "$target"
for folder in "$source/base" "$source"/overlays/*; do
    file="$target/$(basename "$folder").yaml"
    printf '# From %s by scripts/render_kubernetes.sh. Do not edit.\n' "$folder" >"$file"
    "$kubectl" kustomize "$folder" >>"$file"
done
