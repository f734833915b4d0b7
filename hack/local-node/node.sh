#!/usr/bin/env bash
# Process 1 of the node's namespaces: sets the node up and keeps its programs running. Started by up.sh only.
#
# usage: node.sh DIR BIN
#
# Inside, the node looks like a machine of its own, at fixed paths: /run/node/dir is DIR, /run/node/bin is BIN, and
# /run, /var/lib and /var/log are private. So nothing that containerd, kubelet or the CNI plugins write by habit
# (/run/containerd, /var/lib/cni, /var/log/pods) reaches the machine's own directories.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"

main() {
  echo 0 >"$(tracking_group)/system/cgroup.procs"
  hostname "$NODE_NAME"
  mount_directories "$1" "$2"
  shield_sysctls
  export PATH=/run/node/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/node TMPDIR=/run/node/tmp
  cd /
  choose_flags
  connect
  start_all
  wait_until_ready
  touch /run/node/dir/ready
  while :; do wait || true; sleep 1; done # reaps the orphans of the whole namespace
}

# Built elsewhere and moved to /run in one piece: DIR and BIN may themselves lie below /run or /var.
mount_directories() {
  mount -t tmpfs -o mode=755 tmpfs /mnt
  mkdir -p /mnt/node/{dir,bin,config,tmp,sysctl} /mnt/lock
  mount --bind "$1" /mnt/node/dir
  mount --bind "$2" /mnt/node/bin
  mount --bind "$here/config" /mnt/node/config
  mount --no-mtab --move /mnt /run
  mount --bind /run/node/dir/var/lib /var/lib
  mount --bind /run/node/dir/log /var/log
}

# kubelet writes these for the whole machine, unless it reads what it wants. So it is shown a file that says so.
shield_sysctls() {
  local setting
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    local file=/run/node/sysctl/${setting%=*}
    mkdir -p "${file%/*}"
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
  done
}

# What Kubernetes 1.20 has to be told, and newer versions do not know any more; and the other way round.
choose_flags() {
  OLD_GATES=() OLD_NO_HTTP=() OLD_KUBELET=()
  cp /run/node/config/kubelet.yaml /run/node/kubelet.yaml
  if kubelet --version | grep -q '^Kubernetes v1\.20\.'; then
    OLD_GATES=(--feature-gates=BoundServiceAccountTokenVolume=true)
    OLD_NO_HTTP=(--port=0)
    OLD_KUBELET=(--container-runtime=remote --pod-infra-container-image=local/pause:1 "${OLD_GATES[@]}")
  else
    # Otherwise kubelet ends at once where control groups are of version 1.
    echo 'failCgroupV1: false' >>/run/node/kubelet.yaml
  fi
}

connect() {
  ip link set lo up
  until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done # up.sh plugs it in
  ip address add "$NODE_ADDRESS/30" dev eth0
  ip link set eth0 up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # No default route: nothing can leave the machine, and the look-ups by which kubelet asks for a cloud fail at once.
  # A packet to a Service needs some route before kube-proxy rewrites it. One that it does not rewrite is refused here,
  # so that a question to the DNS server that we do not have fails at once.
  ip route add "$SERVICE_NET" via "$HOST_ADDRESS"
  iptables -A OUTPUT -o eth0 -d "$SERVICE_NET" -j REJECT
  iptables -A FORWARD -o eth0 -d "$SERVICE_NET" -j REJECT
}

start_all() {
  local image
  keep etcd run_etcd
  keep containerd containerd --config /run/node/config/containerd.toml
  keep kube-apiserver run_apiserver
  until ctr version >/dev/null 2>&1; do sleep 0.1; done
  for image in pause busybox; do ctr -n k8s.io images import "/run/node/bin/$image.tar" >/dev/null; done
  until [ "$(kubectl_admin get --raw /readyz 2>/dev/null)" = ok ]; do sleep 0.1; done
  keep kube-controller-manager run_controller_manager
  keep kube-scheduler run_scheduler
  keep kubelet run_kubelet
  keep kube-proxy run_proxy
}

# keep NAME COMMAND...: runs it again when it ends, as an init system would.
keep() {
  local name=$1 log=/var/log/$1.log started early=0
  shift
  while :; do
    started=$SECONDS
    "$@" >>"$log" 2>&1 </dev/null || true
    early=$((SECONDS - started < 10 ? early + 1 : 0))
    [ "$early" -lt 5 ] || echo "$name does not start: $(tail -n 1 "$log")" >/run/node/dir/failed
    sleep 1
  done &
}

# An authority of its own, or every user's client certificate would open it. The data is thrown away with the node, so it
# need not survive a power cut: 3.4 knows that flag without telling so in its help.
run_etcd() {
  etcd --name="$NODE_NAME" --data-dir=/var/lib/etcd --unsafe-no-fsync \
    --listen-client-urls=https://127.0.0.1:2379 --advertise-client-urls=https://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:0 \
    --cert-file="$PKI/etcd.crt" --key-file="$PKI/etcd.key" --client-cert-auth --trusted-ca-file="$PKI/etcd-ca.crt"
}

# On SIGTERM it would wait a minute for open watches; nobody sends it one, because the node ends by SIGKILL.
run_apiserver() {
  local flags
  mapfile -t flags </run/node/dir/kube-apiserver.flags
  kube-apiserver --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$NODE_ADDRESS" \
    --etcd-servers=https://127.0.0.1:2379 --etcd-cafile="$PKI/etcd-ca.crt" \
    --etcd-certfile="$PKI/etcd-client.crt" --etcd-keyfile="$PKI/etcd-client.key" \
    --cert-dir=/run/node/tmp --tls-cert-file="$PKI/kube-apiserver.crt" --tls-private-key-file="$PKI/kube-apiserver.key" \
    --client-ca-file="$PKI/ca.crt" \
    --kubelet-client-certificate="$PKI/kubelet-client.crt" --kubelet-client-key="$PKI/kubelet-client.key" \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$PKI/service-account.key" \
    --service-account-signing-key-file="$PKI/service-account.key" \
    --service-cluster-ip-range="$SERVICE_NET" --allow-privileged=true \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    "${OLD_GATES[@]}" "${flags[@]}"
}

# It allocates no addresses to nodes: that controller waits ten seconds first, and config/cni knows the only net.
run_controller_manager() {
  local config=$PKI/kube-controller-manager.kubeconfig
  kube-controller-manager --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" --leader-elect=false \
    --bind-address=127.0.0.1 "${OLD_NO_HTTP[@]}" --cert-dir=/run/node/tmp/kube-controller-manager \
    --use-service-account-credentials=true --service-account-private-key-file="$PKI/service-account.key" \
    --root-ca-file="$PKI/ca.crt" --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    "${OLD_GATES[@]}"
}

run_scheduler() {
  local config=$PKI/kube-scheduler.kubeconfig
  kube-scheduler --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" --leader-elect=false \
    --bind-address=127.0.0.1 "${OLD_NO_HTTP[@]}" --cert-dir=/run/node/tmp/kube-scheduler
}

run_kubelet() {
  kubelet --kubeconfig="$PKI/kubelet.kubeconfig" --config=/run/node/kubelet.yaml \
    --container-runtime-endpoint=unix:///run/containerd/containerd.sock \
    --volume-plugin-dir=/var/lib/kubelet/volume-plugins --node-ip="$NODE_ADDRESS" --hostname-override="$NODE_NAME" \
    "${OLD_KUBELET[@]}"
}

# The conntrack limits belong to the machine and cannot be set from here. Without masquerading, a pod's answer to another
# pod of the same bridge would bypass the translation of the Service's address, where br_netfilter is not loaded.
run_proxy() {
  kube-proxy --kubeconfig="$PKI/kube-proxy.kubeconfig" --proxy-mode=iptables --masquerade-all \
    --cluster-cidr="$POD_NET" --hostname-override="$NODE_NAME" \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

# kubelet may not give itself a role label, so the administrator does.
wait_until_ready() {
  until kubectl_admin label --overwrite node "$NODE_NAME" node-role.kubernetes.io/control-plane= >/dev/null 2>&1; do
    sleep 0.2
  done
  kubectl_admin wait --for=condition=Ready "node/$NODE_NAME" --timeout=120s
  # Pods are refused until the controllers have made the namespace's account.
  until kubectl_admin get serviceaccount default >/dev/null 2>&1; do sleep 0.1; done
}

kubectl_admin() { kubectl --kubeconfig="$PKI/admin.kubeconfig" --cache-dir=/run/node/tmp/kubectl "$@"; }

PKI=/run/node/dir/pki

main "$@"
