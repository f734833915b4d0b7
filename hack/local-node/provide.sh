#!/usr/bin/env bash
# Provides the programs of the local node: Kubernetes built from Debian's source package, containerd from Debian.
#
# usage: provide.sh        the last line of stdout is the directory that holds them
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=local-node
. "$here/../progress.sh"
. "$here/../cache.sh"

cache=$ace_cache/local-node
bin=$cache/bin

main() {
  if find_existing; then return; fi
  mkdir -p "$cache"
  take_lock "$cache"
  if find_existing; then return; fi # another run may have finished while we waited
  rm -rf "$cache/stage" "$cache/work" # left by a run that was killed
  fill "$cache" "$here/from-debian.sh"
  echo "$bin"
}

find_existing() {
  local file
  for file in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy etcd pause.tar busybox.tar \
    containerd containerd-shim-runc-v2 ctr runc cni/{bridge,host-local,loopback,portmap}; do
    [ -e "$bin/$file" ] || return 1
  done
  for file in iptables conntrack ip nsenter; do command -v "$file" >/dev/null || return 1; done
  [ -x "$bin/kubectl" ] || command -v kubectl >/dev/null || return 1
  echo "$bin"
}

main
