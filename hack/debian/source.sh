# Sourced by the from-debian.sh scripts: programs out of Debian's packages, and out of its source package of Kubernetes.
#
# Needs root on Debian 12: the source packages of later releases have the servers cut out. What is installed are tools to
# build with; programs that would start as a service (etcd, containerd) are unpacked, not installed. The machine's
# package lists and sources stay as they are, because we keep our own lists in the work directory.
#
# The script that sources this sets SOURCE_NAME, stage, cache, log and work, and removes work when it ends.

export DEBIAN_FRONTEND=noninteractive
debian=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# prepare MEGABYTES: checks the machine and reads the package lists.
prepare() {
  local release free
  release=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") || true
  [ "$release" = 'debian 12' ] || skip "this is not Debian 12"
  [ "$(id -u)" -eq 0 ] || skip "only root can install Debian's Go"
  free=$(df -Pm "$cache" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$1" ] || skip "the build needs $1 MB in $cache, where $free MB are free"
  mkdir -p "$work"/apt/lists/partial "$work"/apt/cache/archives/partial "$work"/apt/sources
  : >"$log"
  write_sources
  step "reading Debian's package lists" apt_get update
}

# build PROGRAM...: from the source package, all in one go.
build() {
  step "installing Debian's Go" apt_get install -y --no-install-recommends \
    golang-go golang-github-modern-go-reflect2-dev dpkg-dev gcc libc6-dev
  step "getting the source of Kubernetes" in_work apt_get source kubernetes
  local sources=("$work"/kubernetes-*/)
  [ -d "${sources[0]}cmd/kube-apiserver" ] || skip "it does not contain kube-apiserver"
  step "building ${*} (some minutes)" "$debian/build-kubernetes.sh" "${sources[0]}" "$work" "$stage" "$@"
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

# unpack PACKAGE FILE...: puts these files of a package into the stage, or below it: FILE may be PATH=DIRECTORY.
unpack() {
  local package=$1 file target
  shift
  (
    cd "$work"
    apt_get download "$package"
    dpkg -x "$package"_*.deb "$package"
    for file in "$@"; do
      target=$stage
      case $file in *=*) target=$stage/${file#*=} ;; esac
      mkdir -p "$target"
      cp "$package/${file%=*}" "$target/"
    done
  )
}
