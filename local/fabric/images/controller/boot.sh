#!/bin/bash
# Behind the routers: OpenZiti's controller, a router that hosts its services, and the server they lead to.
cd "$(dirname "$0")" || exit
. ../ziti.sh
ln -sf "$PWD/../systemctl" /usr/local/sbin/systemctl
mkdir -p /run/systemd/system
for unit in *.service; do
  # shellcheck disable=SC2016 # the unit's own words
  sed "s|\$NODE|$NODE|; s|\$IMAGE|$PWD|" "$unit" >"/run/systemd/system/$unit"
done
systemctl start ziti-controller server
log_in
enroll host
ziti edge create service-policy intercept Dial --service-roles '#all' --identity-roles '#all'
ziti edge create service-policy host Bind --service-roles '#served' --identity-roles @controller
ziti edge create edge-router-policy all --edge-router-roles '#all' --identity-roles '#all'
ziti edge create service-edge-router-policy all --edge-router-roles '#all' --service-roles '#all'
# Whatever address a service has is this machine's, for the server to be reached there.
ip route add local 10.16.0.0/12 dev lo
# shellcheck disable=SC2086 # the words of a line
while read -r line; do ./service.sh declare $line; done <../services
systemctl start ziti-router
touch /run/ready
