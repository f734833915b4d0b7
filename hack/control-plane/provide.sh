#!/usr/bin/env bash
# Provides etcd, kube-apiserver and kubectl for tests and the demo.
#
# usage: provide.sh        the last line of stdout is the directory that holds kube-apiserver
#
# Tried in this order: KUBEBUILDER_ASSETS, PATH, our cache, the official envtest archive, a build of Debian's own
# source package. test/support/binaries.ts looks in the first three, in the same order: change both together.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/progress.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ace-operator/control-plane
bin=$cache/bin

main() {
  if find_existing; then return; fi
  mkdir -p "$cache"
  take_lock
  if find_existing; then return; fi # another run may have finished while we waited
  rm -rf "$cache/stage" "$cache/work" # left by a run that was killed
  obtain "$here/from-envtest.sh" || obtain "$here/from-debian.sh" || give_up
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

# Two runs at once (make -j, two checkouts) must not build into the same directory.
take_lock() {
  command -v flock >/dev/null || return 0 # not on macOS, where only the quick download applies
  exec 9>"$cache/lock"
  flock -n 9 && return
  say "waiting for another run to finish"
  flock 9
}

# The cache directory appears whole or not at all: a source fills a stage, which is then renamed.
obtain() {
  local stage=$cache/stage
  rm -rf "$stage"
  mkdir -p "$stage"
  "$1" "$stage" "$cache" || return 1
  rm -rf "$bin"
  mv "$stage" "$bin"
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
