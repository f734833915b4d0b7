#!/usr/bin/env bash
# Builds the image from the Dockerfile with the first builder that works here: docker with buildx, buildah, podman.
#
# usage: IMAGE=name TAG=tag build.sh
#
# PLATFORM     linux/amd64,linux/arm64 and the like; without it the machine's own
# NODE_IMAGE, RUNTIME_IMAGE    other bases than the Dockerfile's, or the same pinned by digest
# OUTPUT       docker only: where to, as in `docker buildx build --output`; without it the local image store
# BUILD_FLAGS  further flags for the builder: caches, certificates of a proxy
#
# docker comes first because only it is asked for several platforms in CI; its client without its daemon does not count.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

image=${IMAGE:-ace-operator}:${TAG:-latest}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
flags=(
  --build-arg "SOURCE_DATE_EPOCH=$epoch"
  --build-arg "VERSION=$(node -p 'require("./package.json").version')"
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
)
[ -z "${PLATFORM:-}" ] || flags+=(--platform "$PLATFORM")
[ -z "${NODE_IMAGE:-}" ] || flags+=(--build-arg "NODE_IMAGE=$NODE_IMAGE")
[ -z "${RUNTIME_IMAGE:-}" ] || flags+=(--build-arg "RUNTIME_IMAGE=$RUNTIME_IMAGE")
read -ra more <<<"${BUILD_FLAGS:-}"
flags+=(${more[@]+"${more[@]}"})

works() {
  case $1 in
    docker) docker info >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

build_with() {
  echo "building $image with $1" >&2
  case $1 in
    docker) SOURCE_DATE_EPOCH=$epoch docker buildx build --output "${OUTPUT:-type=docker}" -t "$image" "${flags[@]}" . ;;
    buildah) buildah bud --timestamp "$epoch" -t "$image" "${flags[@]}" . ;;
    podman) podman build --timestamp "$epoch" -t "$image" "${flags[@]}" . ;;
  esac
}

for builder in docker buildah podman; do
  if works "$builder"; then
    build_with "$builder"
    exit
  fi
done
echo 'neither docker (with buildx and its daemon), buildah nor podman is here: install one, or see hack/image/build-offline.sh' >&2
exit 1
