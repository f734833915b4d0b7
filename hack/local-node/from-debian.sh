#!/usr/bin/env bash
# Fills a directory with everything that the local node runs. See provide.sh.
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
trap 'rm -rf "$work"' EXIT

main() {
  prepare 3500 # measured: 3.2 GB at most
  step "installing tools for the network" apt_get install -y --no-install-recommends \
    iptables conntrack iproute2 libseccomp2
  step "getting etcd" unpack etcd-server usr/bin/etcd
  step "getting containerd" unpack containerd usr/bin/{containerd,containerd-shim-runc-v2,ctr}
  step "getting runc" unpack runc usr/sbin/runc
  step "getting the network plugins" unpack containernetworking-plugins \
    usr/lib/cni/{bridge,host-local,loopback,portmap}=cni
  step "getting busybox" unpack busybox-static bin/busybox=images/busybox/bin
  command -v kubectl >/dev/null || step "getting kubectl" unpack kubernetes-client usr/bin/kubectl
  build kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy pause
  step "packing images" pack_images
}

# The image that every pod needs, and one for probes. Nothing is pulled.
pack_images() {
  local images=$stage/images
  install -D "$stage/pause" "$images/pause/pause"
  "$here/make-image.sh" "$images/pause" local/pause:1 "$stage/pause.tar" /pause
  ln -s busybox "$images/busybox/bin/sh"
  "$here/make-image.sh" "$images/busybox" local/busybox:1 "$stage/busybox.tar" /bin/busybox
  rm -r "$images" "$stage/pause"
}

main
