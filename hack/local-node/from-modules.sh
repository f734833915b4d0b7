#!/usr/bin/env bash
# Fills a directory with everything that a local node runs: Kubernetes, etcd and containerd built from their Go modules, the rest
# out of Debian's packages. See provide.sh.
#
# usage: from-modules.sh STAGE CACHE MINOR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=local-node
SOURCE_NAME='the Go module of Kubernetes'
stage=$1 cache=$2 minor=$3
log=$cache/modules.log
work=$cache/work
. "$here/../progress.sh"
. "$here/../cache.sh"
. "$here/../kubernetes/from-modules.sh"
. "$here/../debian/source.sh"
. "$here/packages.sh"
trap 'rm -rf "$work"' EXIT

main() {
  local programs=(kube-controller-manager kube-scheduler kubelet kube-proxy)
  prepare_go 4500 "$minor" etcd containerd
  prepare 500
  get_node_packages
  if take_from "$(programs_of control-plane "$minor")" kube-apiserver kubectl etcd; then :; else
    programs+=(kube-apiserver kubectl)
    build_etcd
  fi
  build_kubernetes "${programs[@]}"
  build_containerd
  build_pause
  step "packing images" pack_images
}

main
