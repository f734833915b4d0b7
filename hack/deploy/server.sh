# Sourced by the scripts beside it.

# One cluster for all calls, whatever becomes of the current context meanwhile: from here on kubectl has a copy of that
# one context alone. CONTEXT names it; without, it is the one that is current now.
pin_context() {
  local directory
  context=${CONTEXT:-$(kubectl config current-context)} || fail 'no context is current: name one by CONTEXT='
  [ -n "$context" ] || fail 'no context is current: name one by CONTEXT='
  directory=$(mktemp -d)
  # shellcheck disable=SC2064 # that directory, as it is called now
  trap "rm -rf '$directory'" EXIT
  (umask 077 && kubectl config view --minify --flatten --raw --context "$context" >"$directory/kubeconfig") \
    || fail "context $context cannot be read"
  export KUBECONFIG=$directory/kubeconfig
  server=$(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
}

# Kubernetes 1.20 knows the disruption budget by its older name only; its fields are the same.
for_this_server() {
  if kubectl get --raw /apis/policy/v1 >/dev/null 2>&1; then cat; else sed 's#^apiVersion: policy/v1$#&beta1#'; fi
}

# Whether the server has this definition. No answer is no "no": what follows from that may not be undone.
has_definition() {
  local found
  found=$(kubectl get crd "$1" --ignore-not-found -o name) || exit 1
  [ -n "$found" ]
}

say() { echo "$(basename "$0" .sh): $*" >&2; }

fail() {
  say "$*"
  exit 1
}
