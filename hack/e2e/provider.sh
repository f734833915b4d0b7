#!/usr/bin/env bash
# Says which provider the end-to-end suite runs on here: kind, where docker and kind work, else local-node; or, in one line, why
# neither will do.
#
# usage: [ACE_E2E_PROVIDER=kind|local-node] provider.sh
set -euo pipefail
local_node=$(cd "$(dirname "${BASH_SOURCE[0]}")/../local-node" && pwd)
. "$local_node/settings.sh"
. "$local_node/machine.sh"

main() {
  case ${ACE_E2E_PROVIDER:-} in
    kind) kind_works || fail 'ACE_E2E_PROVIDER=kind needs kind, and docker with its daemon running' ;;
    local-node) node_works || fail "ACE_E2E_PROVIDER=local-node: $(node_lacks)" ;;
    '') kind_works || node_works || fail "the end-to-end suite needs kind and docker with its daemon running, or a local node: $(node_lacks)" ;;
    *) fail "ACE_E2E_PROVIDER is kind or local-node, not $ACE_E2E_PROVIDER" ;;
  esac
}

kind_works() {
  command -v kind >/dev/null && docker info >/dev/null 2>&1 && echo kind
}

node_works() { [ -z "$(node_lacks)" ] && echo local-node; }

# What was built once runs without the sources of Debian.
node_lacks() {
  command -v apt-get >/dev/null || { echo 'its programs come from Debian 12'; return; }
  machine_lacks
}

fail() {
  echo "e2e: $*" >&2
  exit 1
}

main
