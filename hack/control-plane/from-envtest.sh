#!/usr/bin/env bash
# Downloads the official envtest archive (etcd, kube-apiserver, kubectl), checks it and puts the programs into STAGE.
#
# usage: from-envtest.sh STAGE CACHE MINOR
#
# Fails within seconds where the archive cannot be reached, so that the next source gets its turn.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=control-plane
. "$here/../progress.sh"
SOURCE_NAME='the envtest archive'
stage=$1 cache=$2 minor=$3
url='https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-<version>/envtest-<version>-<platform>.tar.gz'
log=$cache/envtest.log
work=$cache/work
trap 'rm -rf "$work"' EXIT

main() {
  local platform version sum
  platform=$(platform)
  read -r version sum <<<"$(awk -v minor="$minor" -v platform="$platform" '$1 == minor && $3 == platform { print $2, $4 }' \
    "$here/envtest.sums")"
  [ -n "$sum" ] || skip "there is none of Kubernetes $minor for $platform"
  url=$(sed "s/<version>/$version/g; s/<platform>/$platform/" <<<"$url")
  mkdir -p "$work"
  : >"$log"
  with_progress "downloading the envtest archive $version" "$log" fetch "$url" "$work/archive.tar.gz" \
    || skip "the download failed ($(tail -n 1 "$log"))"
  [ "$(sha512 "$work/archive.tar.gz")" = "$sum" ] || skip "its checksum is wrong"
  tar -xzf "$work/archive.tar.gz" -C "$work"
  local program
  for program in etcd kube-apiserver kubectl; do
    find "$work" -type f -name "$program" -exec mv {} "$stage/$program" \;
    chmod 755 "$stage/$program" || skip "it holds no $program"
  done
}

platform() {
  local arch
  arch=$(uname -m)
  case $arch in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; esac
  echo "$(uname -s | tr '[:upper:]' '[:lower:]')-$arch"
}

fetch() {
  if command -v curl >/dev/null; then
    curl -fsSL --connect-timeout 5 --speed-time 20 --speed-limit 10000 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -nv --connect-timeout=5 --read-timeout=20 --tries=1 -O "$2" "$1"
  else
    echo 'neither curl nor wget is installed'
    return 1
  fi
}

sha512() { if command -v sha512sum >/dev/null; then sha512sum "$1"; else shasum -a 512 "$1"; fi | cut -d' ' -f1; }

main
