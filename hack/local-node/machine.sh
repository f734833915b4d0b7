# Sourced, after settings.sh.

# Prints in one line why this machine cannot run a node; nothing when it can.
machine_lacks() {
  if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    echo 'the local node runs on Linux on amd64 only'
  elif [ "$(id -u)" -ne 0 ]; then
    echo 'only root can run a node'
  elif ! unshare --net --mount --uts --ipc --pid --fork --mount-proc true 2>/dev/null; then
    echo 'this machine does not let root make namespaces (CAP_SYS_ADMIN, CAP_NET_ADMIN)'
  else
    local root
    for root in $(cgroup_roots); do
      [ -w "$root/cgroup.procs" ] || echo "control groups are not writable at $root"
    done | head -n 1
  fi
}
