#!/usr/bin/env bash
# Gives an image archive to the kind cluster. usage: load-image.sh IMAGE.tar
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
exec kind load image-archive "$1" --name "$CLUSTER"
