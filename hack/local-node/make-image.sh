#!/usr/bin/env bash
# Packs a directory into an image of one layer: no daemon, no network. The same directory gives the same bytes.
#
# usage: make-image.sh ROOTFS NAME:TAG OUT.tar PROGRAM [ARG...]
set -euo pipefail
rootfs=$1 name=$2 out=$(realpath -m "$3")
shift 3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1" -cf "$2" "${@:3}"; }
sha256() { sha256sum <"$1" | cut -d' ' -f1; }

pack "$rootfs" "$work/layer.tar" .
entrypoint=$(printf ',"%s"' "$@")
cat >"$work/config.json" <<END
{"created":"1970-01-01T00:00:00Z","architecture":"$(dpkg --print-architecture)","os":"linux",
"config":{"Entrypoint":[${entrypoint#,}],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"},
"rootfs":{"type":"layers","diff_ids":["sha256:$(sha256 "$work/layer.tar")"]},
"history":[{"created":"1970-01-01T00:00:00Z","created_by":"make-image.sh"}]}
END
config=$(sha256 "$work/config.json").json
mv "$work/config.json" "$work/$config"
echo "[{\"Config\":\"$config\",\"RepoTags\":[\"$name\"],\"Layers\":[\"layer.tar\"]}]" >"$work/manifest.json"
pack "$work" "$out" manifest.json "$config" layer.tar
