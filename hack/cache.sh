# Sourced by the provide.sh scripts: a directory of programs outside the checkout, which appears whole or not at all.

ace_cache=${XDG_CACHE_HOME:-$HOME/.cache}/ace-operator

# take_lock CACHE: two runs at once (make -j, two checkouts) must not build into the same directory.
take_lock() {
  command -v flock >/dev/null || return 0 # not on macOS, where only the quick download applies
  exec 9>"$1/lock"
  flock -n 9 && return
  say "waiting for another run to finish"
  flock 9
}

# fill CACHE SOURCE: runs SOURCE, a script that fills a stage, and renames the stage to CACHE/bin.
fill() {
  local cache=$1 stage=$1/stage
  rm -rf "$stage"
  mkdir -p "$stage"
  "$2" "$stage" "$cache" || return 1
  rm -rf "$cache/bin"
  mv "$stage" "$cache/bin"
}

# share FILE TARGET: the same bytes at two places, without using the space twice where that is possible.
share() { ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"; }
