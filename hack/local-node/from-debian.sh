#!/usr/bin/env bash
# Fills a directory with everything that a local node of Kubernetes 1.20 runs, out of Debian's packages and sources. See provide.sh.
#
# usage: from-debian.sh STAGE CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=local-node
SOURCE_NAME="Debian's source package"
stage=$1 cache=$2
log=$cache/debian.log
work=$cache/work
. "$here/../progress.sh"
. "$here/../debian/source.sh"
. "$here/packages.sh"
trap 'rm -rf "$work"' EXIT

main() {
  prepare 3500 # measured: 3.2 GB at most
  get_node_packages
  step "getting etcd" unpack etcd-server usr/bin/etcd
  step "getting containerd" unpack containerd usr/bin/{containerd,containerd-shim-runc-v2,ctr}
  step "getting kubectl" unpack kubernetes-client usr/bin/kubectl
  build kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy pause
  step "packing images" pack_images
}

main
