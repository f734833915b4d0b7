#!/usr/bin/env bash
# Takes the operator out of the cluster of kubectl's context CONTEXT: first what it wrote into the downstream
# clusters, then the operator, its namespace (with the credentials in it), its rights and its definition. Tokens and Users stay.
#
# usage: CONTEXT=production undeploy.sh      FORCE=1 goes on when a cluster cannot be drained
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
root=$(cd "$here/../.." && pwd)

main() {
  pin_context
  say "from $context ($server)"
  confirm
  if has_definition clusterpropagations.ace-operator.io; then drain; fi
  local directory manifests
  # After the operator what was given to it beside its namespace: rights to read Secrets, which outlive it.
  for directory in operator operator-ext-tokens operator-rancher-credentials; do
    manifests=$(kubectl kustomize "$root/manifests/$directory" | for_this_server)
    kubectl delete --ignore-not-found --wait -f - <<<"$manifests"
  done
  kubectl delete --ignore-not-found -f "$root/crds/ace-operator.io_clusterpropagations.yaml"
}

# By chance nothing of this may happen: a script names the context, a person types its name.
confirm() {
  local typed
  [ -z "${CONTEXT:-}" ] || return 0
  [ -t 0 ] || fail "which context? say it by CONTEXT=$context"
  read -r -p "Type the context's name to take the operator out of it, and its tokens out of all clusters: " typed
  [ "$typed" = "$context" ] || fail 'nothing was changed'
}

drain() {
  local clusters
  clusters=$(kubectl get clusterpropagations -o name)
  [ -n "$clusters" ] || return 0
  xargs -n 1 kubectl patch --type merge --patch '{"spec":{"drain":true}}' <<<"$clusters"
  # shellcheck disable=SC2086 # one word for each cluster
  kubectl wait --for=condition=Drained --timeout="${TIMEOUT:-120s}" $clusters && return
  if [ -n "${FORCE:-}" ]; then
    say 'going on all the same: what is left in those clusters goes with `kubectl ace cleanup`'
  else
    say 'these clusters are not drained; kubectl get cprop says why. FORCE=1 goes on all the same'
    exit 1
  fi
}

main
