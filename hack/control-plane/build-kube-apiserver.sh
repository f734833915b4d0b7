#!/usr/bin/env bash
# Builds kube-apiserver from an unpacked Debian source package with Debian's Go, without Kubernetes' own make.
#
# usage: build-kube-apiserver.sh SOURCE WORK OUT
#
# Plain `go build` takes half the time of make, and -tags providerless,dockerless leaves out the cloud SDKs.
set -euo pipefail
cd "$1"
work=$2 out=$3

export PATH=/usr/bin:/bin # Debian's Go: newer ones refuse the GOPATH mode that this tree needs
export GOPATH=$work/go GOCACHE=$work/go-cache GOTMPDIR=$work GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
mkdir -p "$GOPATH/src/k8s.io"
ln -sfn "$PWD" "$GOPATH/src/k8s.io/kubernetes"
cd "$GOPATH/src/k8s.io/kubernetes"

# reflect2 1.0.1, as vendored, calls a runtime function whose signature changed in Go 1.18: the server would die
# of a segmentation fault on the first custom resource. Debian packages the corrected 1.0.2; its *.s stay as they are.
replace_reflect2() {
  local vendored=vendor/github.com/modern-go/reflect2
  rm "$vendored"/*.go
  cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go "$vendored/"
}

# The one generated file that the source package lacks.
generate_openapi() {
  local inputs
  inputs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg cmd plugin \
    | grep -vE '^staging/src/k8s.io/(code-generator|sample-apiserver)/' \
    | xargs -n1 dirname | sed 's#^staging/src/#vendor/#; s#^#k8s.io/kubernetes/#' | LC_ALL=C sort -u | paste -sd,)
  go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  "$work/openapi-gen" --logtostderr -i "$inputs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
    -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/openapi-violations" --output-base "$GOPATH/src"
}

# Clients read the version to decide what the server can do; without these flags it says v0.0.0.
version_flags() {
  local version package
  version=$(dpkg-parsechangelog -S Version | sed 's/.*really//; s/-[^-]*$//')
  for package in client-go/pkg component-base; do
    local prefix="-X k8s.io/kubernetes/vendor/k8s.io/$package/version"
    echo "$prefix.gitVersion=v$version $prefix.gitMajor=$(cut -d. -f1 <<<"$version")" \
      "$prefix.gitMinor=$(cut -d. -f2 <<<"$version") $prefix.gitTreeState=archive"
  done | paste -sd' '
}

replace_reflect2
generate_openapi
flags=$(version_flags)
go build -tags providerless,dockerless -ldflags "-s -w $flags" -o "$out/kube-apiserver" ./cmd/kube-apiserver
"$out/kube-apiserver" --version
