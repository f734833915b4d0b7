#!/usr/bin/env bash
# Takes the local node away, whatever state it is in: processes, mounts, network, control groups, and its files in DIR.
#
# usage: down.sh [--keep-logs] [DIR]     DIR: that of the running node, unless given
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/../progress.sh"

main() {
  local keep_logs=no
  if [ "${1:-}" = --keep-logs ]; then keep_logs=yes; shift; fi
  local running dir
  running=$(running_dir)
  dir=${1:+$(realpath -m "$1")}
  dir=${dir:-$running}
  if [ -n "$running" ] && [ "$running" != "$dir" ]; then
    say "the local node that is running belongs to $running, not to $dir"
    exit 1
  fi
  end_processes
  ip link delete "$HOST_LINK" 2>/dev/null || true # gone with the node, unless it was never plugged in
  remove_groups
  [ -z "$dir" ] || remove_files "$dir" "$keep_logs"
}

# The holder first: with it process 1 ends, and with that the kernel ends everything in its namespace.
end_processes() {
  local pids tries=0
  while pids=$(processes) && [ -n "$pids" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ]; then
      say "these processes do not end: $(tr '\n' ' ' <<<"$pids")"
      exit 1
    fi
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
}

processes() {
  local root
  for root in $(cgroup_roots); do
    find "$root/$GROUP" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -u | grep -vx 0 || true
}

# A group that a process has just left may be busy for a moment.
remove_groups() {
  local root tries=0
  for root in $(cgroup_roots); do
    while [ -d "$root/$GROUP" ]; do
      find "$root/$GROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ -d "$root/$GROUP" ] || break
      tries=$((tries + 1))
      if [ "$tries" -gt 100 ]; then
        say "the control group $root/$GROUP cannot be removed"
        exit 1
      fi
      sleep 0.1
    done
  done
}

# Only what up.sh made: DIR may hold other things by now.
remove_files() {
  local dir=$1 keep_logs=$2
  [ -e "$dir/$MARK" ] || return 0
  rm -rf --one-file-system "$dir/var" "$dir/pki"
  rm -f "$dir/ready" "$dir/failed" "$dir/admin.kubeconfig" "$dir/kube-apiserver.flags" "$dir/token-webhook.kubeconfig"
  if [ "$keep_logs" = yes ]; then return; fi
  rm -rf --one-file-system "$dir/log"
  rm "$dir/$MARK"
  rmdir "$dir" 2>/dev/null || true
}

main "$@"
