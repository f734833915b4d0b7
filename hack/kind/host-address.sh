#!/usr/bin/env bash
# Prints the address under which Pods of the kind cluster reach this machine.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
host_address
