#!/usr/bin/env bash
# Provides the programs of the local node: Kubernetes and containerd built from their Go modules, or, where there is no fitting
# Go, Kubernetes 1.20 built from Debian's source package and Debian's containerd.
#
# usage: [ACE_KUBERNETES=1.37] provide.sh     the last line of stdout is the directory that holds them
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=local-node
. "$here/../progress.sh"
. "$here/../cache.sh"
. "$here/../kubernetes/version.sh"

main() {
  check_wish
  local minor=${ACE_KUBERNETES:-$(newest_minor)}
  if [ "$minor" != "$OLDEST" ]; then
    if provide "$minor" "$here/from-modules.sh" "$minor"; then return; fi
    [ -z "${ACE_KUBERNETES:-}" ] || exit 1
  fi
  provide "$OLDEST" "$here/from-debian.sh"
}

# provide MINOR SOURCE [ARG...]: from the cache, or filled from that source.
provide() {
  local minor=$1 code=0
  local own=$ace_cache/local-node/$minor
  shift
  if find_in "$own/bin"; then return; fi
  mkdir -p "$own"
  take_lock "$own"
  find_in "$own/bin" >/dev/null || fill "$own" "$@" || code=$? # another run may have finished while we waited
  release_lock
  [ "$code" -eq 0 ] && find_in "$own/bin"
}

find_in() {
  local file
  for file in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl etcd pause.tar busybox.tar \
    containerd containerd-shim-runc-v2 ctr runc cni/{bridge,host-local,loopback,portmap}; do
    [ -e "$1/$file" ] || return 1
  done
  for file in iptables conntrack ip nsenter; do command -v "$file" >/dev/null || return 1; done
  echo "$1"
}

main
