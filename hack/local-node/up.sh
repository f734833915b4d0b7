#!/usr/bin/env bash
# Brings a one-node Kubernetes cluster up from nothing, without Docker: real kubelet, real pods, RBAC. See README.md.
#
# usage: up.sh DIR [--until-eof] [--token-webhook KUBECONFIG] [--token-webhook-cache-ttl DURATION]
#              [-- KUBE-APISERVER-FLAG...]
#
# The last line of stdout is the path of an administrator's kubeconfig. down.sh takes everything away again; when up.sh
# itself fails, it has done so already and has left the logs in DIR/log. With --until-eof it stays and takes the node
# down when its stdin ends: with a pipe, the node cannot outlive the process that holds the other end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/machine.sh"
. "$here/../progress.sh"
PATH=$here/../node/node_modules/.bin:$PATH # the pinned Node, where make has installed one

main() {
  [ $# -ge 1 ] || fail "usage: up.sh DIR [OPTION...] [-- KUBE-APISERVER-FLAG...]"
  check_machine
  dir=$(realpath -m "$1")
  shift
  bin=$("$here/provide.sh")
  take_turn
  check_vacancy
  trap take_down EXIT
  "$here/down.sh" "$dir" # what an interrupted run left
  make_state "$@"
  start_node
  lay_cable
  wait_until_ready
  exec 8<&-
  echo "$dir/admin.kubeconfig"
  trap - EXIT
  [ "$until_eof" = no ] || stay
}

stay() {
  trap '"$here/down.sh" "$dir"' EXIT
  cat >/dev/null
}

fail() { say "$*"; exit 1; }

check_machine() {
  local reason
  reason=$(machine_lacks)
  [ -z "$reason" ] || fail "$reason"
  [ "$(node --print process.features.typescript 2>/dev/null)" = strip ] \
    || fail "Node 22.19 or newer is needed on PATH; make installs one and then calls this script"
}

# Two runs at once would take each other down. The lock is on a directory that is there anyway.
take_turn() {
  exec 8<"$(dirname "$(tracking_group)")"
  flock 8
}

check_vacancy() {
  local other
  other=$(running_dir)
  [ -z "$other" ] || fail "a local node is running already, from $other; hack/local-node/down.sh takes it down"
  other=$(for net in "$NODE_NET" "$POD_NET"; do ip -o -4 route show root "$net"; done | grep -v "dev $HOST_LINK" || true)
  [ -z "$other" ] || fail "this machine uses our addresses already: $other"
  # down.sh removes directories with such common names as `log`.
  [ -e "$dir/$MARK" ] || [ -z "$(ls -A "$dir" 2>/dev/null)" ] || fail "$dir holds other things: name an empty directory"
}

take_down() {
  local code=$?
  say "the local node did not come up; the logs are in $dir/log"
  "$here/down.sh" --keep-logs "$dir" || true
  exit $((code == 0 ? 1 : code))
}

make_state() {
  local flags=()
  until_eof=no
  mkdir -p "$dir"/{log,log/pods,log/containers,var/lib,pki}
  chmod 700 "$dir/pki" "$dir/var"
  touch "$dir/$MARK"
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
      --until-eof)
        until_eof=yes
        shift
        continue
        ;;
      --token-webhook)
        install -m 600 "$2" "$dir/token-webhook.kubeconfig"
        flags+=(--authentication-token-webhook-config-file=/run/node/dir/token-webhook.kubeconfig
          --authentication-token-webhook-version=v1)
        ;;
      --token-webhook-cache-ttl) flags+=("--authentication-token-webhook-cache-ttl=$2") ;;
      *) fail "unknown option $1" ;;
    esac
    shift 2
  done
  if [ $# -gt 0 ]; then shift; fi
  printf '%s\n' "${flags[@]}" "$@" | sed '/^$/d' >"$dir/kube-apiserver.flags"
  node "$here/credentials.ts" "$dir/pki" "$API_SERVER" "$NODE_NAME"
  install -m 600 "$dir/pki/admin.kubeconfig" "$dir/admin.kubeconfig"
}

# Everything of the node lives and dies with one process: process 1 of namespaces of its own. When it ends, the kernel
# kills its processes, unmounts its mounts and removes its network. Control groups alone have to be swept up.
start_node() {
  make_groups
  (
    cd "$dir" # down.sh learns from it whose node this is
    echo "$BASHPID" >"$(tracking_group)/holder/cgroup.procs"
    exec setsid unshare --net --mount --uts --ipc --pid --fork --kill-child --mount-proc \
      "$here/node.sh" "$dir" "$bin" >>"$dir/log/node.log" 2>&1 </dev/null 8<&-
  ) &
  disown
  local tries=0
  until [ -n "$(holder)" ] && [ "$(readlink "/proc/$(holder)/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || fail "the node's first process did not start"
    sleep 0.05
  done
}

make_groups() {
  local root
  for root in $(cgroup_roots); do
    mkdir -p "$root/$GROUP"
    # A new cpuset of version 1 is empty, and nothing can run in it.
    if [ -e "$root/cpuset.cpus" ] && [ ! -e "$root/cgroup.controllers" ]; then
      cat "$root/cpuset.cpus" >"$root/$GROUP/cpuset.cpus"
      cat "$root/cpuset.mems" >"$root/$GROUP/cpuset.mems"
    fi
  done
  mkdir -p "$(tracking_group)"/{holder,system}
}

# The cable and the route vanish together with the node's end of it.
lay_cable() {
  ip link add "$HOST_LINK" type veth peer name eth0 netns "$(holder)"
  ip address add "$HOST_ADDRESS/30" dev "$HOST_LINK"
  ip link set "$HOST_LINK" up
  ip route add "$POD_NET" via "$NODE_ADDRESS"
}

wait_until_ready() {
  local deadline=$((SECONDS + 180))
  until [ -e "$dir/ready" ]; do
    [ ! -e "$dir/failed" ] || fail "$(cat "$dir/failed")"
    [ "$SECONDS" -lt "$deadline" ] || fail "the node is not ready after 3 minutes"
    [ -n "$(holder)" ] || fail "the node ended: $(tail -n 1 "$dir/log/node.log")"
    sleep 0.1
  done
}

main "$@"
