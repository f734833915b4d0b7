#!/usr/bin/env bash
# Provides actionlint, which knows what a workflow may say.
#
# usage: actionlint.sh        prints the path of the program
#
# It is built from its Go module, once, into our cache. Where that cannot be done one line says why, and nothing is printed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=1.7.12
TOPIC=actionlint
. "$here/progress.sh"
. "$here/cache.sh"

main() {
  local own=$ace_cache/actionlint/$version
  if [ ! -x "$own/bin/actionlint" ]; then
    command -v go >/dev/null || { say 'skipped: there is no Go to build it with'; exit 1; }
    mkdir -p "$own/bin"
    GOBIN=$own/bin CGO_ENABLED=0 GOTOOLCHAIN=local with_progress "building actionlint $version" "$own/modules.log" \
      go install -trimpath "github.com/rhysd/actionlint/cmd/actionlint@v$version" \
      || { say "skipped: it could not be built; the full output is in $own/modules.log"; exit 1; }
  fi
  echo "$own/bin/actionlint"
}

main
