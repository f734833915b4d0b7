#!/usr/bin/env bash
# Provides etcd, kube-apiserver and kubectl for tests and the demo.
#
# usage: provide.sh        the last line of stdout is the directory that holds kube-apiserver
#
# Tried in this order: KUBEBUILDER_ASSETS, PATH, our cache, the official envtest archive, a build of Debian's own
# source package. test/support/binaries.ts looks in the first three, in the same order: change both together.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=control-plane
. "$here/../progress.sh"
. "$here/../cache.sh"

cache=$ace_cache/control-plane
bin=$cache/bin

main() {
  if find_existing; then return; fi
  mkdir -p "$cache"
  take_lock "$cache"
  if find_existing; then return; fi # another run may have finished while we waited
  rm -rf "$cache/stage" "$cache/work" # left by a run that was killed
  fill "$cache" "$here/from-envtest.sh" || fill "$cache" "$here/from-debian.sh" || give_up
  echo "$bin"
}

find_existing() {
  local dir
  for dir in "${KUBEBUILDER_ASSETS:-}" "$(dir_on_path)" "$bin"; do
    [ -n "$dir" ] && [ -x "$dir/kube-apiserver" ] || continue
    [ -x "$dir/etcd" ] || command -v etcd >/dev/null || continue
    [ -x "$dir/kubectl" ] || [ -x "$bin/kubectl" ] || command -v kubectl >/dev/null || continue
    echo "$dir"
    return 0
  done
  return 1
}

dir_on_path() {
  local server
  server=$(command -v kube-apiserver) && command -v etcd >/dev/null && dirname "$server" || true
}

give_up() {
  rm -rf "$cache/stage"
  say "no etcd and kube-apiserver found, and none of the sources works here. What you can do:"
  say "  - set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kubectl (setup-envtest makes one), or"
  say "  - put these three programs on PATH, or into $bin, or"
  say "  - run this as root on Debian 12, where they are built from Debian's source package."
  exit 1
}

main
