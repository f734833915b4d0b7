#!/usr/bin/env bash
# Builds programs of Kubernetes from an unpacked Debian source package with Debian's Go, without Kubernetes' own make.
#
# usage: build-kubernetes.sh SOURCE WORK OUT PROGRAM...     PROGRAM: a directory below cmd/ in the source, or `pause`
#
# Plain `go build` takes half the time of make, and -tags providerless,dockerless leaves out the cloud SDKs. All programs
# are built in one go, so that what they share is compiled once.
set -euo pipefail
cd "$1"
work=$2 out=$3
shift 3

export PATH=/usr/bin:/bin # Debian's Go: newer ones refuse the GOPATH mode that this tree needs
export GOPATH=$work/go GOCACHE=$work/go-cache GOTMPDIR=$work GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
mkdir -p "$GOPATH/src/k8s.io"
ln -sfn "$PWD" "$GOPATH/src/k8s.io/kubernetes"
cd "$GOPATH/src/k8s.io/kubernetes"

main() {
  local program packages=()
  for program in "$@"; do
    case $program in
      pause) build_pause ;;
      *) packages+=("./cmd/$program") ;;
    esac
  done
  replace_reflect2
  case " $* " in *' kube-apiserver '*) generate_openapi ;; esac
  local flags
  flags=$(version_flags)
  go build -tags providerless,dockerless -ldflags "-s -w $flags" -o "$out/" "${packages[@]}"
  for program in "${packages[@]}"; do "$out/${program##*/}" --version; done
}

# reflect2 1.0.1, as vendored, calls a runtime function whose signature changed in Go 1.18: the server would die
# of a segmentation fault on the first custom resource. Debian packages the corrected 1.0.2; its *.s stay as they are.
replace_reflect2() {
  local vendored=vendor/github.com/modern-go/reflect2
  rm "$vendored"/*.go
  cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go "$vendored/"
}

# The one generated file that the source package lacks; only kube-apiserver needs it.
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

# Holds a pod's namespaces open. Static: nothing else is in its image.
build_pause() {
  gcc -Os -Wall -static -s -DVERSION=local -o "$out/pause" build/pause/linux/pause.c
}

main "$@"
