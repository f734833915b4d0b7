#!/usr/bin/env bash
# Builds kube-apiserver from Debian's own kubernetes source package; etcd (and kubectl) come from Debian's packages.
#
# usage: from-debian.sh STAGE CACHE
#
# Needs root on Debian 12: the source packages of later releases have the server cut out. It installs Debian's Go; the
# machine's package lists and sources stay as they are, because we keep our own lists in the work directory.
# The packages of etcd and kubectl are unpacked, not installed: an installed etcd would start as a service.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/progress.sh"
SOURCE_NAME="Debian's source package"
stage=$1 cache=$2
log=$cache/debian.log
work=$cache/work
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive

main() {
  check_machine
  mkdir -p "$work"/apt/lists/partial "$work"/apt/cache/archives/partial "$work"/apt/sources
  : >"$log"
  write_sources
  step "reading Debian's package lists" apt_get update
  step "installing Debian's Go" apt_get install -y --no-install-recommends \
    golang-go golang-github-modern-go-reflect2-dev dpkg-dev
  step "getting etcd" unpack etcd-server etcd
  command -v kubectl >/dev/null || step "getting kubectl" unpack kubernetes-client kubectl
  step "getting the source of Kubernetes" in_work apt_get source kubernetes
  local sources=("$work"/kubernetes-*/)
  [ -d "${sources[0]}cmd/kube-apiserver" ] || skip "it does not contain kube-apiserver"
  step "building kube-apiserver (about 3 minutes)" "$here/build-kube-apiserver.sh" "${sources[0]}" "$work" "$stage"
}

check_machine() {
  local release free
  release=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") || true
  [ "$release" = 'debian 12' ] || skip "this is not Debian 12"
  [ "$(id -u)" -eq 0 ] || skip "only root can install Debian's Go"
  free=$(df -Pm "$cache" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 2500 ] || skip "the build needs 2.5 GB in $cache, where $free MB are free"
}

step() {
  local label=$1
  shift
  with_progress "$label" "$log" "$@" || skip "$label failed; the full output is in $log"
}

# The machine's own sources, with source packages switched on, in both formats that apt knows.
write_sources() {
  local LIST PARTS file
  eval "$(apt-config shell LIST Dir::Etc::sourcelist/f PARTS Dir::Etc::sourceparts/d)"
  for file in "$LIST" "$PARTS"/*.list; do
    [ -f "$file" ] || continue
    awk '$1 == "deb" { print; sub(/deb/, "deb-src"); print }' "$file" >"$work/apt/sources/$(basename "$file" .list).list"
  done
  for file in "$PARTS"/*.sources; do
    [ -f "$file" ] || continue
    sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$work/apt/sources/$(basename "$file")"
  done
}

# The sandbox user of apt cannot enter a cache below /root; other runs of apt may hold the lock for a while.
apt_get() {
  apt-get -q -oDir::Etc::SourceList=/dev/null -oDir::Etc::SourceParts="$work/apt/sources" \
    -oDir::State::Lists="$work/apt/lists" -oDir::Cache="$work/apt/cache" \
    -oAPT::Sandbox::User=root -oDPkg::Lock::Timeout=120 -oAcquire::Retries=2 \
    -oAcquire::http::Timeout=15 -oAcquire::https::Timeout=15 "$@"
}

in_work() { cd "$work" && "$@"; }

unpack() {
  local package=$1 program=$2
  (
    cd "$work"
    apt_get download "$package"
    dpkg -x "$package"_*.deb "$package"
    cp "$package/usr/bin/$program" "$stage/$program"
  )
}

main
