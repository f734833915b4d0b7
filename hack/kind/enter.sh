#!/usr/bin/env bash
# Runs a command on the node of the kind cluster. usage: enter.sh COMMAND...
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
exec docker exec --interactive "$NODE" "$@"
