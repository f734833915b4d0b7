# Sourced by the scripts beside it: names and addresses of the local node, and how its traces are found.
#
# There is one local node on a machine at a time. What is running is never read from a file that may be stale, but from
# the control group that every process of the node is born into.

TOPIC=local-node

NODE_NAME=local-node
HOST_LINK=ace-local-node        # the machine's end of the cable
HOST_ADDRESS=10.98.0.1          # here pods reach what runs on the machine
NODE_ADDRESS=10.98.0.2          # here the machine reaches the node: API server, kubelet
NODE_NET=10.98.0.0/30
POD_NET=10.244.0.0/24           # also in config/cni/10-bridge.conflist
SERVICE_NET=10.96.0.0/24
API_SERVER=https://$NODE_ADDRESS:6443

GROUP=ace-local-node            # also in config/kubelet.yaml
MARK=.ace-local-node            # in DIR: what is beside it is ours

# The control group hierarchies of this machine, one a line. The first one tracks our processes.
cgroup_roots() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
  else
    echo /sys/fs/cgroup/pids
    # cgroup2, too: beside version 1, runc puts containers there as well.
    awk '$3 ~ /^cgroup2?$/ && $2 != "/sys/fs/cgroup/pids" { print $2 }' /proc/mounts
  fi
}

tracking_group() { echo "$(cgroup_roots | head -n 1)/$GROUP"; }

# The process that holds the node's namespaces open, or nothing.
holder() { head -n 1 "$(tracking_group)/holder/cgroup.procs" 2>/dev/null | grep . || true; }

# The work directory of the node that is running, or nothing.
running_dir() {
  local pid
  pid=$(holder)
  [ -z "$pid" ] || readlink "/proc/$pid/cwd" | sed 's/ (deleted)$//' || true
}
