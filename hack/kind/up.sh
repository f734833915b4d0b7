#!/usr/bin/env bash
# Brings a kind cluster up whose API server may ask a webhook about bearer tokens.
#
# usage: up.sh DIR [--until-eof] [--token-webhook KUBECONFIG] [--token-webhook-cache-ttl DURATION]
#
# The last line of stdout is the path of an administrator's kubeconfig, by which tests and Pods alike reach the API server. With
# --until-eof it stays and deletes the cluster when its stdin ends, as hack/local-node/up.sh does. KIND_NODE_IMAGE picks the Kubernetes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"

main() {
  dir=$(realpath -m "$1")
  shift
  read_options "$@"
  [ -z "$(kind get clusters 2>/dev/null | grep -x "$CLUSTER")" ] || fail "a kind cluster $CLUSTER is there already: kind delete cluster --name $CLUSTER"
  trap take_down EXIT
  write_config
  kind create cluster --name "$CLUSTER" --config "$dir/cluster.yaml" --kubeconfig "$dir/admin.kubeconfig" --wait 180s \
    ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"} >&2
  use_node_address
  echo "$dir/admin.kubeconfig"
  if [ "$until_eof" = yes ]; then cat >/dev/null; else trap - EXIT; fi
}

read_options() {
  until_eof=no webhook= cache_ttl=10s
  while [ $# -gt 0 ]; do
    case $1 in
      --until-eof) until_eof=yes; shift; continue ;;
      --token-webhook) webhook=$2 ;;
      --token-webhook-cache-ttl) cache_ttl=$2 ;;
      *) fail "unknown option $1" ;;
    esac
    shift 2
  done
}

# Without a webhook the patches are none, and the mount is there all the same.
write_config() {
  mkdir -p "$dir/ace/patches"
  sed "s#DIRECTORY#$dir#" "$here/cluster.yaml" >"$dir/cluster.yaml"
  [ -n "$webhook" ] || return 0
  install -m 644 "$webhook" "$dir/ace/webhook-kubeconfig.yaml"
  sed "s/CACHE_TTL/$cache_ttl/" "$here/pod-patch.json" >"$dir/ace/patches/kube-apiserver+json.json"
}

# kind's own kubeconfig names a port of this machine's loopback, which no Pod reaches. The node's address is in the certificate.
use_node_address() {
  kubectl --kubeconfig "$dir/admin.kubeconfig" config set-cluster "kind-$CLUSTER" --server="https://$(node_address):6443" >/dev/null
}

take_down() { kind delete cluster --name "$CLUSTER" >&2 || true; }

fail() {
  echo "kind: $*" >&2
  exit 1
}

main "$@"
