# Sourced by from-debian.sh and from-modules.sh, after ../debian/source.sh: what both take from Debian's packages.

get_node_packages() {
  step "installing tools for the network" apt_get install -y --no-install-recommends \
    iptables conntrack iproute2 libseccomp2
  step "getting runc" unpack runc usr/sbin/runc
  step "getting the network plugins" unpack containernetworking-plugins \
    usr/lib/cni/{bridge,host-local,loopback,portmap}=cni
  step "getting busybox" unpack busybox-static bin/busybox=images/busybox/bin
}

# The image that every pod needs, and one for probes. Nothing is pulled.
pack_images() {
  local images=$stage/images
  install -D "$stage/pause" "$images/pause/pause"
  "$here/make-image.sh" "$images/pause" local/pause:1 "$stage/pause.tar" /pause
  ln -s busybox "$images/busybox/bin/sh"
  "$here/make-image.sh" "$images/busybox" local/busybox:1 "$stage/busybox.tar" /bin/busybox
  rm -r "$images" "$stage/pause"
}
