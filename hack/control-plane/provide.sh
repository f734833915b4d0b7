#!/usr/bin/env bash
# Provides etcd, kube-apiserver and kubectl for tests and the demo.
#
# usage: [ACE_KUBERNETES=1.37] provide.sh [--installed]     the last line of stdout is the directory that holds kube-apiserver
#
# Tried in this order: KUBEBUILDER_ASSETS, PATH, our cache, the official envtest archive, a build of the Go module of
# Kubernetes, a build of Debian's own source package, which is Kubernetes 1.20. ACE_KUBERNETES names the minor version that
# it has to be; several live side by side in the cache. Without it the first one that is there is taken, 1.20 last.
# With --installed nothing is fetched or built: test/support/binaries.ts asks so.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=control-plane
. "$here/../progress.sh"
. "$here/../cache.sh"
. "$here/../kubernetes/version.sh"

cache=$ace_cache/control-plane

main() {
  # shellcheck disable=SC2046
  check_wish $(envtest_minors)
  if [ "${1:-}" = --installed ]; then
    find_newer || find_in "$(programs_of control-plane "$OLDEST")"
    return
  fi
  if find_newer; then return; fi
  local minor
  if [ "${ACE_KUBERNETES:-}" != "$OLDEST" ]; then
    minor=${ACE_KUBERNETES:-$(envtest_newest)}
    if provide "$minor" "$here/from-envtest.sh" "$minor"; then return; fi
    minor=${ACE_KUBERNETES:-$(newest_minor)}
    if provide "$minor" "$here/from-modules.sh" "$minor"; then return; fi
  fi
  minor=${ACE_KUBERNETES:-$OLDEST}
  if [ "$minor" = "$OLDEST" ] && provide "$OLDEST" "$here/from-debian.sh"; then return; fi
  give_up
}

# Everything but what we built of 1.20, which is the last resort.
find_newer() {
  local minor
  find_in "${KUBEBUILDER_ASSETS:-}" && return
  find_in "$(dir_on_path)" && return
  for minor in ${ACE_KUBERNETES:-$(cached_minors)}; do
    find_in "$(programs_of control-plane "$minor")" && return
  done
  return 1
}

cached_minors() {
  local directory
  for directory in "$cache"/1.*/bin; do echo "${directory%/bin}"; done | sed 's#.*/##' | grep -vx "$OLDEST" | sort -rV
}

# find_in DIRECTORY: prints it when it has all that is needed, of the version that was asked for.
find_in() {
  local dir=$1
  [ -n "$dir" ] && [ -x "$dir/kube-apiserver" ] || return 1
  [ -x "$dir/etcd" ] || command -v etcd >/dev/null || return 1
  [ -x "$dir/kubectl" ] || command -v kubectl >/dev/null || return 1
  is_wished "$dir/kube-apiserver" || return 1
  echo "$dir"
}

dir_on_path() {
  local server
  server=$(command -v kube-apiserver) && command -v etcd >/dev/null && dirname "$server" || true
}

# provide MINOR SOURCE [ARG...]: fills the cache of that version from that source, unless another run has just done so.
provide() {
  local own=$cache/$1 code=0
  shift
  mkdir -p "$own"
  take_lock "$own"
  [ -x "$own/bin/kube-apiserver" ] || fill "$own" "$@" || code=$?
  release_lock
  [ "$code" -eq 0 ] && echo "$own/bin"
}

envtest_minors() { awk '!/^#/ { print $1 }' "$here/envtest.sums" | sort -uV; }

envtest_newest() { envtest_minors | tail -n 1; }

give_up() {
  say "no etcd and kube-apiserver${ACE_KUBERNETES:+ of Kubernetes $ACE_KUBERNETES} found, and no source works here. What you can do:"
  say "  - set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kubectl (setup-envtest makes one), or"
  say "  - put these three programs on PATH, or into $cache/<minor>/bin, or"
  say "  - install Go ($(sed -n 's/^go //p' "$modules/$(newest_minor)/go.mod") or newer), with which they are built, or"
  say "  - run this as root on Debian 12, where Kubernetes $OLDEST is built from Debian's source package."
  exit 1
}

main "$@"
