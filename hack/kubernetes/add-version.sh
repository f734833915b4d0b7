#!/usr/bin/env bash
# Makes the Go module by which a version of Kubernetes is built, or moves it to another patch release.
#
# usage: add-version.sh 1.36.3
#
# k8s.io/kubernetes asks for its staging modules (k8s.io/api, …) at v0.0.0, for which its own go.mod has replacements that
# count only inside of it: here they become the modules of the same release. Nothing else is required.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$1
minor=${version%.*}
export GOTOOLCHAIN=local GOWORK=off

directory=$(cd /tmp && go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')
[ -n "$directory" ] || { echo "there is no Kubernetes v$version to be had" >&2; exit 1; }

rm -rf "${here:?}/modules/$minor"
mkdir -p "$here/modules/$minor"
cd "$here/modules/$minor"
{
  echo "// Made by hack/kubernetes/add-version.sh $version."
  echo 'module ace-operator/hack/kubernetes'
  printf '\n%s\n\ntool (\n' "$(grep '^go ' "$directory/go.mod")"
  printf '\tk8s.io/kubernetes/cmd/%s\n' kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet
  printf ')\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$version"
  sed -n 's/^\t\(k8s\.io\/[a-z0-9-]*\) v0\.0\.0$/\1/p' "$directory/go.mod" | LC_ALL=C sort -u | while read -r module; do
    printf '\t%s => %s v0.%s\n' "$module" "$module" "${version#1.}"
  done
  echo ')'
} >go.mod
go mod tidy
