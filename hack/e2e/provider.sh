#!/usr/bin/env bash
# Says which provider the end-to-end suite runs on here: kind, where docker and kind work, else local-node; or, in one line, why
# neither will do.
#
# usage: [ACE_E2E_PROVIDER=kind|local-node] provider.sh
set -euo pipefail

main() {
  case ${ACE_E2E_PROVIDER:-} in
    kind) kind_works || fail 'ACE_E2E_PROVIDER=kind needs kind, and docker with its daemon running' ;;
    local-node) node_works || fail 'ACE_E2E_PROVIDER=local-node needs Debian 12 on amd64, and root' ;;
    '') kind_works || node_works || fail 'the end-to-end suite needs kind and docker with its daemon running, or Debian 12 on amd64 and root' ;;
    *) fail "ACE_E2E_PROVIDER is kind or local-node, not $ACE_E2E_PROVIDER" ;;
  esac
}

kind_works() {
  command -v kind >/dev/null && docker info >/dev/null 2>&1 && echo kind
}

# What was built once runs without the sources of Debian; up.sh itself says what else a machine lacks.
node_works() {
  [ "$(uname -sm)" = 'Linux x86_64' ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && echo local-node
}

fail() {
  echo "e2e: $*" >&2
  exit 1
}

main
