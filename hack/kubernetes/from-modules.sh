# Sourced by the from-modules.sh scripts: programs of Kubernetes, etcd and containerd, built from their Go modules.
#
# Needs a Go that is new enough, and a module proxy or a module cache that has them. Nothing is installed. Go's own build cache
# keeps what was compiled: a build that was killed goes on where it was.
#
# The script that sources this sets SOURCE_NAME, stage, cache, log and minor.

kubernetes=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# -trimpath: the same bytes whatever the checkout is called. A newer toolchain is never fetched.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -trimpath -buildvcs=false' GOWORK=off

# prepare_go MEGABYTES MODULE...: says why it cannot be done here, before anything is fetched.
prepare_go() {
  local module free megabytes=$1
  shift
  command -v go >/dev/null || skip "there is no Go"
  for module in "$@"; do
    (cd "$kubernetes/modules/$module" && go list -m) >/dev/null 2>&1 \
      || skip "$(go env GOVERSION) is too old: Go $(sed -n 's/^go //p' "$kubernetes/modules/$module/go.mod") is asked for"
  done
  mkdir -p "$(go env GOCACHE)"
  free=$(df -Pm "$(go env GOCACHE)" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$megabytes" ] || skip "the build needs $megabytes MB in $(go env GOCACHE), where $free MB are free"
  : >"$log"
}

# build_kubernetes PROGRAM...: directories below cmd/ in k8s.io/kubernetes, all in one go, so that what they share is
# compiled once. The tag leaves out the SDKs of cloud providers in the versions that have them.
build_kubernetes() {
  go_step "getting the modules of Kubernetes $minor" "$minor" go mod download
  go_step "building $* of Kubernetes $minor (some minutes)" "$minor" \
    go build -tags providerless -ldflags "-s -w $(version_flags)" -o "$stage/" "${@/#/k8s.io/kubernetes/cmd/}"
}

build_etcd() { go_step "building etcd" etcd go build -ldflags '-s -w' -o "$stage/etcd" go.etcd.io/etcd/server/v3; }

# Kubelet from 1.36 on refuses containerd 1, which is Debian 12's.
build_containerd() {
  go_step "building containerd" containerd go build -tags no_btrfs,no_zfs,no_devmapper -ldflags '-s -w' -o "$stage/" \
    github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2,ctr}
}

# Holds a pod's namespaces open. Static: nothing else is in its image.
build_pause() { go_step "building pause" . go build -ldflags '-s -w' -o "$stage/pause" "$kubernetes/pause/main.go"; }

# go_step LABEL MODULE COMMAND...
go_step() {
  local label=$1 module=$kubernetes/modules/$2
  shift 2
  with_progress "$label" "$log" in_directory "$module" "$@" || skip "$label failed; the full output is in $log"
}

in_directory() { cd "$1" && "${@:2}"; }

# Clients read the version to decide what the server can do; without these flags it says v0.0.0.
version_flags() {
  local version package
  version=$(sed -n 's/^\tk8s\.io\/kubernetes \(v[0-9.]*\)\( .*\)\?$/\1/p' "$kubernetes/modules/$minor/go.mod")
  for package in client-go/pkg component-base; do
    local prefix="-X k8s.io/$package/version"
    echo "$prefix.gitVersion=$version $prefix.gitMajor=${minor%.*} $prefix.gitMinor=${minor#*.} $prefix.gitTreeState=archive"
  done | paste -sd' '
}
