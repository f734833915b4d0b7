#!/usr/bin/env bash
# Gives an image to the local node; its pods then use it with imagePullPolicy Never or IfNotPresent.
#
# usage: load-image.sh IMAGE.tar     as written by docker save, buildah push docker-archive: or oci-archive:, or make-image.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/enter.sh" ctr -n k8s.io images import - <"$1"
