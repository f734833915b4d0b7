#!/usr/bin/env bash
# Builds kube-apiserver, kubectl and etcd from their Go modules.
#
# usage: from-modules.sh STAGE CACHE MINOR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=control-plane
SOURCE_NAME='the Go module of Kubernetes'
stage=$1 cache=$2 minor=$3
log=$cache/modules.log
. "$here/../progress.sh"
. "$here/../cache.sh"
. "$here/../kubernetes/from-modules.sh"

main() {
  if take_from "$(programs_of local-node "$minor")" kube-apiserver kubectl etcd; then return; fi
  prepare_go 3500 "$minor" etcd # measured: 2.9 GB of build cache
  build_kubernetes kube-apiserver kubectl
  build_etcd
}

main
