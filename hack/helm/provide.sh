#!/usr/bin/env bash
# Provides Helm 3 and Helm 4 for the tests of the charts.
#
# usage: provide.sh        a line of stdout for each that is there: the directory that holds it
#
# They are built from their Go modules, once, into our cache; test/support/helm.ts looks there. Where it cannot be done one line says
# why, and the tests of that version are skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=helm
. "$here/../progress.sh"
. "$here/../cache.sh"

main() {
  local major
  for major in 3 4; do provide "$major" || true; done
}

# A new version of the module is a new directory: what was built of the old one stays for older checkouts.
provide() {
  local major=$1 version
  version=$(sed -n "s#^\thelm\.sh/helm/v$major v\([0-9.]*\).*#\1#p" "$here/modules/$major/go.mod")
  local own=$ace_cache/helm/$version
  if [ -x "$own/bin/helm" ]; then
    echo "$own/bin"
    return
  fi
  mkdir -p "$own"
  take_lock "$own"
  local code=0
  [ -x "$own/bin/helm" ] || fill "$own" "$here/from-modules.sh" "$major" "$version" || code=$?
  release_lock
  [ "$code" -eq 0 ] && echo "$own/bin"
}

main
