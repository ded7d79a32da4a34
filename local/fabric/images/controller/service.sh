#!/bin/bash
# A service of OpenZiti's network, which every router may intercept and the one here hosts:
#   service.sh declare|change NAME PREFIX|*.DOMAIN tcp|udp LOW HIGH [unserved], service.sh remove NAME
# One that is unserved is hosted by nobody.
set -e
verb=$1 name=$2 destination=$3 protocol=$4 low=$5 high=$6 unserved=${7:-}

# By whom the server is asked it is told by the source: each router has an address of its own for that, see ../router/boot.sh.
# shellcheck disable=SC2016 # OpenZiti's own variables
intercept='{"protocols":["'$protocol'"],"addresses":["'$destination'"],"portRanges":[{"low":'$low',"high":'$high'}],
  "sourceIp":"$tunneler_id.appData[source]:$src_port"}'
# For TCP the server has every address, and tells which; for datagrams, and for names, but one.
case $protocol-$destination in
  tcp-*/*) address='"forwardAddress":true,"allowedAddresses":["'$destination'"]' ;;
  *) address='"address":"127.0.0.1"' ;;
esac
host='{"forwardProtocol":true,"allowedProtocols":["'$protocol'"],'$address',"forwardPort":true,
  "allowedPortRanges":[{"low":1,"high":65535}],"allowedSourceAddresses":["192.0.2.0/24"]}'

case $verb in
  declare)
    ziti edge create config "$name-intercept" intercept.v1 "$intercept"
    ziti edge create config "$name-host" host.v1 "$host"
    ziti edge create service "$name" --configs "$name-intercept,$name-host" --role-attributes "${unserved:-served}"
    ;;
  change) ziti edge update config "$name-intercept" --data "$intercept" ;;
  remove)
    ziti edge delete service "$name"
    ziti edge delete config "$name-intercept"
    ziti edge delete config "$name-host"
    ;;
esac
