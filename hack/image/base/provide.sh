#!/usr/bin/env bash
# Provides what an image for arm64 takes from Debian where the machine is not arm64, and what runs it here.
#
# usage: provide.sh libraries        a directory: C and C++ libraries for arm64, unpacked, and `packages`, a line for each
#        provide.sh emulator         a directory with qemu-aarch64-static
#
# Debian's packages, unpacked into our cache and not installed: needs no root, and neither packages nor architectures of the
# machine change. apt checks each by Debian's signed index. The libraries are of the versions that are installed here, so that an
# image for both architectures is of the same sources in each. Without success it says why in one line and ends with 1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOPIC=arm64 SOURCE_NAME="Debian's package"
. "$here/../../progress.sh"
. "$here/../../cache.sh"

libraries=(libc6 libgcc-s1 libstdc++6)

main() {
  case ${1:-} in
    libraries) provide_libraries ;;
    emulator) provide_emulator ;;
    *)
      echo 'usage: provide.sh libraries|emulator' >&2
      exit 2
      ;;
  esac
}

# Other versions are another directory: what was taken before stays for whoever builds an older image.
provide_libraries() {
  needs_debian
  local wanted name version
  wanted=$(for name in "${libraries[@]}"; do
    version=$(dpkg-query -W -f '${Version}\n' "$name" 2>/dev/null | head -n 1)
    [ -n "$version" ] || skip "$name is not installed here, so that its version is not known"
    echo "$name=$version"
  done)
  provide "$ace_cache/image-arm64/$(sha256sum <<<"$wanted" | cut -c 1-16)" take_libraries "$wanted"
}

provide_emulator() {
  if [ -x /usr/bin/qemu-aarch64-static ]; then
    echo /usr/bin
    return
  fi
  needs_debian
  provide "$ace_cache/qemu-aarch64" take_emulator
}

needs_debian() {
  [ "$(. /etc/os-release 2>/dev/null && echo "${ID:-}")" = debian ] || skip 'this is not Debian'
}

# provide CACHE COMMAND...: CACHE/bin, filled by COMMAND when it is not there yet.
provide() {
  local cache=$1
  shift
  if [ ! -d "$cache/bin" ]; then
    mkdir -p "$cache"
    take_lock "$cache"
    [ -d "$cache/bin" ] || take "$cache" "$@"
    release_lock
  fi
  echo "$cache/bin"
}

# fill() of cache.sh, with a function in place of a script.
take() {
  work=$(mktemp -d "$1/work.XXXXXX") log=$1/debian.log
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{lists,archives}/partial "$work/stage"
  : >"$log"
  with_progress "taking what is for arm64 from Debian's packages" "$log" "${@:2}" ||
    skip "it could not be had; the full output is in $log"
  mv "$work/stage" "$1/bin"
}

# take_libraries NAMES: by lists of our own, for the machine's are of its own architecture. Steps are joined by hand, here and
# below: bash does not end at the first that fails where somebody waits for the outcome of all.
take_libraries() {
  local foreign=(-oAPT::Architecture=arm64 -oAPT::Architectures=arm64 -oDir::State::status=/dev/null)
  only_from_debian
  # shellcheck disable=SC2086 # a word for each package
  cd "$work" && own_lists "${foreign[@]}" update && own_lists "${foreign[@]}" download $1 && unpack_libraries
}

unpack_libraries() {
  local file named sum
  for file in ./*.deb; do
    dpkg-deb -x "$file" stage && named=$(dpkg-deb -W --showformat '${Package} ${Version} ${Architecture}' "$file") &&
      sum=$(sha256sum <"$file") && echo "$named ${sum%% *}" >>stage/packages || return
  done
}

# With lists of our own when the machine has none, as a fresh container.
take_emulator() {
  cd "$work" && { apt_get download qemu-user-static || { own_lists update && own_lists download qemu-user-static; }; } &&
    dpkg-deb --fsys-tarfile qemu-user-static_*.deb >unpacked.tar &&
    tar -xf unpacked.tar --strip-components 3 -C stage ./usr/bin/qemu-aarch64-static && stage/qemu-aarch64-static --version
}

# Other archives that the machine has may have a libc6, too.
only_from_debian() {
  printf 'Package: *\nPin: release o=Debian\nPin-Priority: 990\n\nPackage: *\nPin: release *\nPin-Priority: -1\n' >"$work/preferences"
}

own_lists() {
  local preferences=()
  [ ! -f "$work/preferences" ] || preferences=(-oDir::Etc::Preferences="$work/preferences" -oDir::Etc::PreferencesParts=/dev/null)
  apt_get -oDir::State::Lists="$work/lists" -oDir::Cache="$work" -oAcquire::Languages=none \
    -oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "${preferences[@]}" "$@"
}

apt_get() {
  apt-get -q -oAPT::Sandbox::User="$(id -un)" -oAcquire::Retries=2 -oAcquire::http::Timeout=15 \
    -oAcquire::https::Timeout=15 "$@"
}

main "$@"
