#!/usr/bin/env bash
# Provides libfaketime for the chaos suite, by which a program gets a wrong clock.
#
# usage: faketime.sh        the last line of stdout is the path of the library
#        faketime.sh --installed    only looks; fails when it is not there
#
# Debian's package, unpacked into our cache and not installed: needs no root and changes nothing on the machine. Without success it
# says why in one line and ends with 1; the suite then leaves that fault out and says so.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ace-operator/faketime
library=$cache/libfaketime.so.1

main() {
  if [ -f "$library" ]; then
    echo "$library"
    return
  fi
  [ "${1:-}" != --installed ] || exit 1
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up 'this is not Debian'
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/lists/partial "$work"/archives/partial
  (cd "$work" && download && dpkg-deb -x libfaketime_*.deb unpacked) >"$cache/debian.log" 2>&1 ||
    give_up "Debian's package could not be had; the full output is in $cache/debian.log"
  mv "$work"/unpacked/usr/lib/*/faketime/libfaketime.so.1 "$library"
  echo "$library"
}

give_up() {
  echo "faketime: not available: $*" >&2
  exit 1
}

# With lists of our own when the machine has none, as a fresh container.
download() {
  apt_get download libfaketime && return
  lists=(-oDir::State::Lists="$work/lists" -oDir::Cache="$work")
  apt_get "${lists[@]}" update && apt_get "${lists[@]}" download libfaketime
}

apt_get() {
  apt-get -q -oAPT::Sandbox::User="$(id -un)" -oAcquire::Retries=2 -oAcquire::http::Timeout=15 \
    -oAcquire::https::Timeout=15 "$@"
}

main "$@"
