# Sourced: which version of Kubernetes is asked for. A version is named by its minor, as in `ACE_KUBERNETES=1.36`.

OLDEST=1.20 # built from Debian 12's source package; all others come from Go modules
modules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/modules

# The minors that we have a module of, newest first.
known_minors() { find "$modules" -maxdepth 1 -name '1.*' -printf '%f\n' | sort -rV; }

newest_minor() { known_minors | head -n 1; }

# check_wish MINOR...: ends the script when ACE_KUBERNETES names nothing that can be provided: 1.20, a module, or one of these.
check_wish() {
  local known
  known=$({ echo "$OLDEST"; known_minors; printf '%s\n' "$@"; } | sed '/^$/d' | sort -uV)
  [ -z "${ACE_KUBERNETES:-}" ] || grep -qxF "$ACE_KUBERNETES" <<<"$known" && return
  say "ACE_KUBERNETES=$ACE_KUBERNETES is none of $(paste -sd' ' <<<"$known")." \
    "hack/kubernetes/add-version.sh adds one."
  exit 2
}

# is_wished PROGRAM: does this kube-apiserver or kubelet have the version that was asked for? Without a wish any will do.
is_wished() {
  [ -z "${ACE_KUBERNETES:-}" ] || "$1" --version 2>/dev/null | grep -q "^Kubernetes v${ACE_KUBERNETES//./\\.}\."
}
