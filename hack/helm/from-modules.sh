#!/usr/bin/env bash
# Builds Helm from its Go module.
#
# usage: from-modules.sh STAGE CACHE MAJOR VERSION
#
# Needs a Go that is new enough, and a module proxy or a module cache that has it. Nothing is installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=helm
stage=$1 cache=$2 major=$3 version=$4
SOURCE_NAME="the Go module of Helm $version"
log=$cache/modules.log
. "$here/../progress.sh"
# -trimpath: the same bytes whatever the checkout is called. A newer toolchain is never fetched.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -trimpath -buildvcs=false' GOWORK=off

main() {
  command -v go >/dev/null || skip "there is no Go"
  cd "$here/modules/$major"
  go list -m >/dev/null 2>&1 \
    || skip "$(go env GOVERSION) is too old: Go $(sed -n 's/^go //p' go.mod) is asked for"
  : >"$log"
  step "getting the modules of Helm $version" go mod download
  # Without the flag it says no more than its minor version.
  step "building Helm $version (some minutes)" \
    go build -ldflags "-s -w -X helm.sh/helm/v$major/internal/version.version=v$version" \
    -o "$stage/helm" "helm.sh/helm/v$major/cmd/helm"
}

step() {
  local label=$1
  shift
  with_progress "$label" "$log" "$@" || skip "$label failed; the full output is in $log"
}

main
