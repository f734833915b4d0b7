#!/usr/bin/env bash
# Provides prometheus and promtool for the tests of rules and metrics.
#
# usage: provide.sh        the last line of stdout is the directory that holds both
#
# Tried in this order: PATH, our cache, Debian's package, which is unpacked and not installed: installed it would start
# as a service. Needs no root and changes nothing on the machine. test/support/prometheus.ts looks in the first two, in
# the same order: change both together. Without success it says why in one line and ends with 1; the tests then skip.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ace-operator/prometheus
bin=$cache/bin
log=$cache/debian.log

main() {
  if find_existing; then return; fi
  mkdir -p "$cache"
  take_lock
  if find_existing; then return; fi # another run may have finished while we waited
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  from_debian
  rm -rf "$bin"
  mv "$work/stage" "$bin"
  echo "$bin"
}

say() { printf 'prometheus: %s\n' "$*" >&2; }

give_up() {
  say "not available: $*. Put prometheus and promtool on PATH, or into $bin."
  exit 1
}

find_existing() {
  local promtool
  if promtool=$(command -v promtool) && command -v prometheus >/dev/null; then
    dirname "$promtool"
  elif [ -x "$bin/promtool" ] && [ -x "$bin/prometheus" ]; then
    echo "$bin"
  else
    return 1
  fi
}

# Two runs at once (make -j, two checkouts) must not write into the same directory.
take_lock() {
  command -v flock >/dev/null || return 0
  exec 9>"$cache/lock"
  flock 9
}

from_debian() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up "this is not Debian"
  say "getting Debian's package"
  : >"$log"
  mkdir -p "$work"/lists/partial "$work"/archives/partial "$work"/stage
  (cd "$work" && download && dpkg-deb -x prometheus_*.deb unpacked) >>"$log" 2>&1 ||
    give_up "Debian's package could not be had; the full output is in $log"
  cp "$work"/unpacked/usr/bin/{prometheus,promtool} "$work/stage/"
  "$work/stage/promtool" --version >>"$log" 2>&1 || give_up "Debian's promtool does not run here"
}

# With lists of our own when the machine has none, as a fresh container.
download() {
  apt_get download prometheus && return
  lists=(-oDir::State::Lists="$work/lists" -oDir::Cache="$work")
  apt_get "${lists[@]}" update && apt_get "${lists[@]}" download prometheus
}

apt_get() {
  apt-get -q -oAPT::Sandbox::User="$(id -un)" -oAcquire::Retries=2 -oAcquire::http::Timeout=15 \
    -oAcquire::https::Timeout=15 "$@"
}

main
