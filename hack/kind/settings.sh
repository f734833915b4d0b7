# Sourced by the scripts beside it: the name of the cluster and how its node is reached.
# shellcheck disable=SC2034

CLUSTER=ace-e2e
NODE=$CLUSTER-control-plane

node_address() { docker inspect --format '{{ .NetworkSettings.Networks.kind.IPAddress }}' "$NODE"; }

# The address of this machine in the network that kind makes: what listens there can be reached from Pods.
host_address() { docker inspect --format '{{ .NetworkSettings.Networks.kind.Gateway }}' "$NODE"; }
