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
  local work
  work=$(mktemp -d "$root/.deploy-XXXXXX")
  # shellcheck disable=SC2064 # the directory as it is now
  trap "rm -rf '$work'" EXIT
  write_overlay >"$work/kustomization.yaml"
  kubectl kustomize "$work" | for_this_server | kubectl apply -f -
  kubectl -n ace-operator rollout status deployment/ace-operator --timeout="${TIMEOUT:-180s}"
}

# Beside Rancher only ours is missing; the others are Rancher's, and not ours to change.
apply_definitions() {
  kubectl apply -f "$root/crds/ace-operator.io_clusterpropagations.yaml"
  if ! kubectl get crd tokens.management.cattle.io >/dev/null 2>&1; then
    say "there is no Rancher here: its kinds are installed, too"
    find "$root/crds" -name 'management.cattle.io_*.yaml' -exec kubectl apply -f {} \;
  fi
  kubectl wait --for=condition=Established --timeout=60s \
    crd/clusterpropagations.ace-operator.io crd/tokens.management.cattle.io
}

write_overlay() {
  cat <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../manifests/operator]
images:
  - { name: ace-operator, newName: '$image', newTag: '$tag' }
YAML
}

say() { echo "deploy: $*" >&2; }

main
