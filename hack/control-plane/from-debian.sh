#!/usr/bin/env bash
# Builds kube-apiserver from Debian's own kubernetes source package, which is 1.20; etcd and kubectl come from Debian's
# packages. Where the local node of that version has been built before, its programs are the same ones and are taken.
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
  if take_from "$(programs_of local-node 1.20)" kube-apiserver kubectl etcd; then return; fi
  prepare 2500
  step "getting etcd" unpack etcd-server usr/bin/etcd
  step "getting kubectl" unpack kubernetes-client usr/bin/kubectl
  build kube-apiserver
}

main
