#!/bin/bash
# A router: ziti-router's service and its configuration, where OpenZiti's packages have them. Nothing diverts yet.
cd "$(dirname "$0")" || exit
export IMAGE=$PWD
# A network card knows nothing of what is inside GENEVE: segments are cut and checksums made before they leave.
for device in /sys/class/net/ens*; do ethtool -K "${device##*/}" tx off >/dev/null; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=$(hostname)" \
  -keyout /run/health.key -out /run/health.crt 2>/dev/null
mkdir -p /run/systemd/system /var/lib/ziti-router
ln -sf "$PWD/systemctl" /usr/local/sbin/systemctl
cp config.yml /var/lib/ziti-router/config.yml
# shellcheck disable=SC2016 # the unit's own words
sed "s|\$NODE|$NODE|; s|\$IMAGE|$IMAGE|" ziti-router.service >/run/systemd/system/ziti-router.service
systemctl start ziti-router
