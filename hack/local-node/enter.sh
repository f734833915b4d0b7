#!/usr/bin/env bash
# Runs a command on the local node: in its network, among its processes, with its /run, /var/lib and /var/log.
#
# usage: enter.sh COMMAND...       e.g. enter.sh curl http://127.0.0.1:6440/metrics, or enter.sh ctr -n k8s.io images ls
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/../progress.sh"

pid=$(holder)
if [ -z "$pid" ]; then
  say 'no local node is running'
  exit 1
fi
echo $$ >"$(tracking_group)/system/cgroup.procs" # so that down.sh ends this command, too
exec nsenter --target="$pid" --net --mount --uts --ipc --pid="/proc/$pid/ns/pid_for_children" \
  env PATH="/run/node/bin:$PATH" "$@"
