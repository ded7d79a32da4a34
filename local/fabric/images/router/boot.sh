#!/bin/bash
# A router: ziti-router's service and its configuration, where OpenZiti's packages have them, and as they run it. Nothing diverts
# yet. It is OpenZiti's own where there is one, or stood in for.
cd "$(dirname "$0")" || exit
# A network card knows nothing of what is inside GENEVE: segments are cut and checksums made before they leave.
for device in /sys/class/net/ens*; do ethtool -K "${device##*/}" tx off >/dev/null; done
mkdir -p /run/systemd/system /var/lib/ziti-router
ln -sf "$PWD/../systemctl" /usr/local/sbin/systemctl
groupadd --system ziti-router
useradd --system --home-dir /var/lib/ziti-router --shell /usr/sbin/nologin --gid ziti-router ziti-router
cp ziti-router.service /run/systemd/system/ziti-router.service
if [ -n "${ZITI:-}" ]; then
  . ../ziti.sh
  log_in
  enroll tproxy
  # What a server sees as the source of what comes by this router: an address that nobody else has.
  ziti edge update identity "$(hostname)" \
    --app-data "source=192.0.2.$(hostname -I | awk '{ split($1, part, "."); print part[3] % 4 * 64 + part[4] % 64 }')"
else
  # What is in a home of root's is reached here by another user too.
  mkdir /opt/checkout /opt/node
  mount --bind "$CHECKOUT" /opt/checkout
  mount --bind "$(dirname "$NODE")" /opt/node
  printf '#!/bin/sh\nexec /opt/node/%s /opt/checkout/local/fabric/images/router/router.ts "$3"\n' "$(basename "$NODE")" >/usr/bin/ziti
  chmod 755 /usr/bin/ziti
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=$(hostname)" \
    -keyout /var/lib/ziti-router/router.key -out /var/lib/ziti-router/router.cert 2>/dev/null
  cp config.yml /var/lib/ziti-router/config.yml
  # What its controller tells it.
  cp ../services /run/services
fi
# OpenZiti's configurations have no health check by themselves.
cat web.yml >>/var/lib/ziti-router/config.yml
chown -R ziti-router: /var/lib/ziti-router
systemctl start ziti-router
