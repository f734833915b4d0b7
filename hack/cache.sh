# Sourced by the provide.sh scripts: directories of programs outside the checkout, each of which appears whole or not at all.

ace_cache=${XDG_CACHE_HOME:-$HOME/.cache}/ace-operator

# programs_of TOPIC MINOR: where the programs of one version of Kubernetes are, or will be.
programs_of() { echo "$ace_cache/$1/$2/bin"; }

# take_lock CACHE: two runs at once (make -j, two checkouts) must not build into the same directory.
take_lock() {
  command -v flock >/dev/null || return 0 # not on macOS, where only the quick download applies
  exec 9>"$1/lock"
  flock -n 9 && return
  say "waiting for another run to finish"
  flock 9
}

release_lock() { exec 9>&-; }

# fill CACHE SOURCE [ARG...]: runs SOURCE, a script that fills a stage, and renames the stage to CACHE/bin.
fill() {
  local cache=$1 source=$2 stage=$1/stage
  shift 2
  rm -rf "$stage" "$cache/work" # left by a run that was killed
  mkdir -p "$stage"
  if ! "$source" "$stage" "$cache" "$@"; then
    rm -rf "$stage"
    return 1
  fi
  rm -rf "$cache/bin"
  mv "$stage" "$cache/bin"
}

# take_from DIRECTORY PROGRAM...: programs that were built before for another purpose. All of them or none.
take_from() {
  local directory=$1 program
  shift
  for program in "$@"; do [ -x "$directory/$program" ] || return 1; done
  for program in "$@"; do share "$directory/$program" "$stage/$program"; done
  say "$* taken from $directory"
}

# share FILE TARGET: the same bytes at two places, without using the space twice where that is possible.
share() { ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"; }
