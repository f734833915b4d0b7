#!/usr/bin/env bash
# Installs the operator into the cluster that kubectl's current context names, or brings it up to date.
#
# usage: IMAGE=registry.example/ace-operator TAG=0.1.0 deploy.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
root=$(cd "$here/../.." && pwd)
image=${IMAGE:-ace-operator}
tag=${TAG:-latest}

main() {
  say "to $(kubectl config current-context), image $image:$tag"
  apply_definitions
  kubectl kustomize "$root/manifests/operator" | with_image | for_this_server | kubectl apply -f -
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
with_image() { sed "s#image: ace-operator:latest\$#image: $image:$tag#"; }

say() { echo "deploy: $*" >&2; }

main
