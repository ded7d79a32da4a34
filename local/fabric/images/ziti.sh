# shellcheck shell=bash
# Sourced where OpenZiti's own program is to run: as its administrator, then as a router's.

# Every fabric has the controller there, in a subnet of its own.
grep -q controller /etc/hosts || echo 10.0.100.10 controller >>/etc/hosts
touch /usr/bin/ziti
mount --bind "$ZITI" /usr/bin/ziti

# The controller answers before it knows its administrator.
log_in() {
  until curl --silent --insecure --output /dev/null https://controller:1280/; do sleep 0.2; done
  until ziti edge login controller:1280 --username admin --password admin --yes >/dev/null 2>&1; do sleep 0.2; done
}

# enroll MODE: makes a router of this machine's name, in place of a former one, and its configuration and identity in
# /var/lib/ziti-router, as OpenZiti's package does.
enroll() {
  local mode=$1 name address
  name=$(hostname) address=$(ip -o -4 address show dev ens5 | awk '{ sub("/.*", "", $4); print $4 }')
  mkdir -p /var/lib/ziti-router
  ziti edge delete edge-router "$name" 2>/dev/null
  ziti edge create edge-router "$name" --tunneler-enabled --jwt-output-file /run/router.jwt
  export ZITI_HOME=/var/lib/ziti-router ZITI_CTRL_ADVERTISED_ADDRESS=controller ZITI_CTRL_ADVERTISED_PORT=1280
  export ZITI_ROUTER_ADVERTISED_ADDRESS=$address ZITI_ROUTER_IP_OVERRIDE=$address
  ziti create config router edge --routerName "$name" --tunnelerMode "$mode" --output /var/lib/ziti-router/config.yml
  ziti router enroll /var/lib/ziti-router/config.yml --jwt /run/router.jwt --keyAlg EC
}
