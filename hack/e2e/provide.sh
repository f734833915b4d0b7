#!/usr/bin/env bash
# Gets what the end-to-end suite needs and says where it will run, or in one line what is missing. The local node comes first: the
# control plane, of which the management plane of the tests is one, then takes its programs from there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

provider=$("$here/provider.sh")
if [ "$provider" = local-node ]; then "$here/../local-node/provide.sh" >/dev/null; fi
"$here/../control-plane/provide.sh" >/dev/null
"$here/../prometheus/provide.sh" >/dev/null || true # it has said why; its tests are skipped
echo "end-to-end suite: on $provider"
