#!/usr/bin/env bash
# Gets what the end-to-end suite needs and says where it will run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

provider=$("$here/provider.sh")
if [ "$provider" = local-node ]; then "$here/../local-node/provide.sh" >/dev/null; fi
"$here/../control-plane/provide.sh" >/dev/null
echo "end-to-end suite: on $provider"
