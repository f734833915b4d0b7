#!/usr/bin/env bash
# Builds kube-apiserver from Debian's own kubernetes source package; etcd (and kubectl) come from Debian's packages.
# Where the local node has been built before, its programs are the same ones and are taken.
#
# usage: from-debian.sh STAGE CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=control-plane
SOURCE_NAME="Debian's source package"
stage=$1 cache=$2
log=$cache/debian.log
work=$cache/work
. "$here/../progress.sh"
. "$here/../cache.sh"
. "$here/../debian/source.sh"
trap 'rm -rf "$work"' EXIT

main() {
  if take_from_local_node; then return; fi
  prepare 2500
  step "getting etcd" unpack etcd-server usr/bin/etcd
  command -v kubectl >/dev/null || step "getting kubectl" unpack kubernetes-client usr/bin/kubectl
  build kube-apiserver
}

take_from_local_node() {
  local built=$cache/../local-node/bin
  [ -d "$built" ] || return 1
  [ -x "$built/kubectl" ] || command -v kubectl >/dev/null || return 1
  local program
  for program in etcd kube-apiserver kubectl; do
    [ ! -x "$built/$program" ] || share "$built/$program" "$stage/$program"
  done
  say "taken from the local node's programs"
}

main
