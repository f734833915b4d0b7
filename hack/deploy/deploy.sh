#!/usr/bin/env bash
# Installs the operator into the cluster that kubectl's current context names, or CONTEXT, or brings it up to date there.
#
# usage: IMAGE=registry.example/ace-operator TAG=0.1.0 deploy.sh      or IMAGE=registry.example/ace-operator@sha256:...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
root=$(cd "$here/../.." && pwd)
image=${IMAGE:-ace-operator}
# A digest says it all.
case $image in *@sha256:*) ;; *) image=$image:${TAG:-latest} ;; esac

main() {
  pin_context
  say "to $context ($server), image $image"
  apply_definitions
  local manifests
  manifests=$(kubectl kustomize "$root/manifests/operator" | with_image | for_this_server)
  kubectl apply -f - <<<"$manifests"
  kubectl -n ace-operator rollout status deployment/ace-operator --timeout="${TIMEOUT:-180s}"
}

# Beside Rancher only ours is missing; the others are Rancher's, and not ours to change.
apply_definitions() {
  local file
  kubectl apply -f "$root/crds/ace-operator.io_clusterpropagations.yaml"
  if ! has_definition tokens.management.cattle.io; then
    say "there is no Rancher here: its kinds are installed, too"
    for file in "$root"/crds/management.cattle.io_*.yaml; do kubectl apply -f "$file"; done
  fi
  kubectl wait --for=condition=Established --timeout=60s \
    crd/clusterpropagations.ace-operator.io crd/tokens.management.cattle.io
}

# Not by an overlay: kubectl 1.20, which is Debian 12's, takes no directory as a resource.
with_image() {
  awk -v image="$image" '
    $1 == "image:" && $2 ~ /^ace-operator(:|@|$)/ { $0 = substr($0, 1, index($0, "image:") - 1) "image: " image; found = 1 }
    { print }
    END { if (!found) exit 1 }' || fail 'manifests/operator names no image ace-operator that could be set'
}

main
