# Sourced by the scripts beside it.

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
