#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the package on a Debian 12 with systemd in qemu, beside a router that is run as OpenZiti's packages run theirs, reboots
# it, has its router crash, and removes it again.
# Needs root. apt install qemu-system-x86 debootstrap e2fsprogs; the system is downloaded from Debian's archive.
set -eu
cd "$(dirname "$0")/../../bpf"
make -s deb
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

debootstrap --variant=minbase --include=systemd-sysv,udev,kmod,iproute2,linux-image-cloud-amd64 bookworm "$root" \
	http://deb.debian.org/debian >"$work/debootstrap.log" || { tail -n 5 "$work/debootstrap.log" >&2; exit 1; }
cp build/ziti-glb-diverter_*_amd64.deb "$root/package.deb"
echo 'ATTACH="eth0 --from 10.0.0.0/24"' >"$root/etc/default/ziti-glb-diverter"

unit() { printf '%s\n' "$@" >"$root/etc/systemd/system/$name"; systemctl --quiet --root "$root" enable "$name"; }
name=address.service unit '[Unit]' 'Before=network-online.target' 'After=systemd-udev-settle.service' \
	'Requires=systemd-udev-settle.service' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' \
	'ExecStart=/bin/sh -c "ip link set eth0 up; ip address add 10.0.0.2/24 dev eth0"' '[Install]' 'WantedBy=network-online.target'
name=ziti-router.service unit '[Service]' 'DynamicUser=yes' 'NoNewPrivileges=yes' 'StateDirectory=ziti-router' \
	'WorkingDirectory=/var/lib/ziti-router' 'UMask=0007' 'ExecStart=/router run config.yml --extend' 'Restart=always' 'RestartSec=1' \
	'[Install]' 'WantedBy=multi-user.target'
chroot "$root" useradd --system ziti-router
mkdir -p "$root/var/lib/private/ziti-router"
printf 'listeners:\n  - binding: tunnel\n' >"$root/var/lib/private/ziti-router/config.yml"
cat >"$root/router" <<'ROUTER'
#!/bin/sh
# ziti-router does this with the diverter, and writes what came of it.
rule='-c 100.64.0.9 -m 32 -p tcp -o 0.0.0.0 -n 0 -l 80 -h 80'
env | grep '^GO' >collector
{ diverter -V && diverter -I $rule -t 40001 -s other && diverter -D $rule; } >/dev/null 2>said && echo served >said
exec sleep infinity
ROUTER
chmod +x "$root/router"
# The install asks this of systemd and of the kernel, by its own functions.
awk '/^[a-z_]+\(\) \{/ { within = 1 } within { print } /^}|^[a-z_]+\(\) \{.*}$/ { within = 0 }' ../resources/install.sh >"$root/functions"
name=proof.service unit '[Unit]' 'After=ziti-router.service address.service' '[Service]' 'ExecStart=/proof' \
	'StandardOutput=tty' 'StandardError=tty' 'TTYPath=/dev/ttyS0' '[Install]' 'WantedBy=multi-user.target'

# A getty would hang up the terminal that the proof writes to.
ln -s /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"

cat >"$root/proof" <<'PROOF'
#!/bin/bash
exec 2>&1
say() { echo "proof: $*"; }
see() { local what=$1; shift; if "$@"; then say "yes: $what"; else say "NO: $what"; fi; }
attached() { diverter status | grep -q '^attached  *eth0'; }
merges() { diverter status | grep -q '^gro  *inner TCP comes merged, by ziti-glb-gro'; }
services() { [ "$(diverter services | wc -l)" = "$1" ]; }
until_() { for _ in $(seq 300); do "$@" && return; sleep 0.1; done; return 1; }
intercept() { diverter -I -c 100.64.0.1 -m 32 -p tcp -o 0.0.0.0 -n 0 -l 443 -h 443 -t 40000 -s web >/dev/null; }
said() { [ "$(cat /var/lib/ziti-router/said)" = served ]; }
told() { tr '\n' ' ' </var/lib/ziti-router/said; }
refused() { grep -q '^diverter: ' /var/lib/ziti-router/said; }
collector() { [[ $(tr '\n' ' ' </var/lib/ziti-router/collector) == $1 ]]; }
has_user() { [ "$(stat -c %U "/proc/$(time_of ziti-router MainPID)")" = "$1" ]; }
restart() { rm -f /var/lib/ziti-router/said; systemctl daemon-reload; systemctl restart ziti-router; }
install_function() { (set +e; program=/usr/sbin/diverter log=/functions.log patience=10 deadline=9999; . /functions; "$@"); }
well() { exec 3<>/dev/tcp/127.0.0.1/8090 && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && grep -q '^HTTP/1.1 200 OK' <&3; } 2>/dev/null
time_of() { systemctl show --value -p "$2" "$1"; }
left() {
	tc qdisc show dev eth0 | grep clsact
	ip -o link show | grep ziti-glb
	find /sys/fs/bpf -mindepth 1 ! -name '*.debug'
	systemctl list-units --all --no-legend '*ziti-glb*'
	find / -xdev -path /proc -prune -o -path /sys -prune -o -name '*ziti-glb*' -print | grep -v '^/var/lib/dpkg/\|^/var/log/\|^/etc/default/'
}

if [ ! -e /rebooted ]; then
	dpkg --install /package.deb >/dev/null
	see 'installed, it is attached' until_ attached
	see 'the kernel has loaded its module, and merges what comes' merges
	see 'its units can do little else' systemd-analyze security --no-pager --threshold=25 ziti-glb-diverter.service \
		ziti-glb-diverter-keep.service ziti-glb-health@8090.service
	echo 'HEALTH=--idle' >/etc/default/ziti-glb-health
	systemctl enable --quiet --now ziti-glb-health@8090
	see 'as a user of systemd, its health is told' until_ well
	see 'a router that ran before has not what it needs' [ "$(install_function is_equipped; echo $?)" = 1 ]
	restart
	see 'started again, it has' until_ install_function is_equipped
	until_ said
	see "as a user of systemd, without new privileges, it calls the diverter: $(told)" said
	told=$(install_function try_as_router 2>&1)
	see "and the install sees that it can $told" [ -z "$told" ]
	see "Go's collector is set by the machine's memory" collector 'GOGC=200 GOMEMLIMIT=4??MiB '
	restart
	until_ said
	see 'and again at the next start' collector 'GOGC=200 GOMEMLIMIT=4??MiB '
	mkdir -p /etc/systemd/system/ziti-router.service.d
	printf '%s\n' '[Service]' Environment=GOGC=50 >/etc/systemd/system/ziti-router.service.d/own.conf
	restart
	until_ said
	see 'but not where somebody else has set it' collector 'GOGC=50 '
	rm /etc/systemd/system/ziti-router.service.d/own.conf
	restart
	until_ said
	see 'and finds its configuration' [ "$(install_function find_configuration)" = /var/lib/private/ziti-router/config.yml ]
	see 'which left no rule' services 0
	ln -s /dev/null /etc/systemd/system/ziti-router.service.d/ziti-glb-diverter.conf
	restart
	see 'without what the package gives it, it is refused' until_ refused
	see 'and the install says so' eval '[[ "$(install_function try_as_router 2>&1)" == *"may not use the diverter: "* ]]'
	rm /etc/systemd/system/ziti-router.service.d/ziti-glb-diverter.conf
	sed -i 's/DynamicUser=yes/User=ziti-router/; /NoNewPrivileges/d' /etc/systemd/system/ziti-router.service
	restart
	until_ said
	see "as a user of its own, it calls the diverter: $(told)" said
	see 'it is that user' has_user ziti-router
	intercept
	see 'it has a service' services 1
	rm /var/lib/ziti-router/said
	touch /rebooted
	sync
	systemctl reboot
	exit
fi
see 'rebooted, it is attached' until_ attached
see 'and the kernel merges what comes' merges
until_ said
see "rebooted, its router calls the diverter: $(told)" said
see 'before the router starts' [ "$(time_of ziti-glb-diverter ActiveEnterTimestampMonotonic)" -le "$(time_of ziti-router ExecMainStartTimestampMonotonic)" ]
intercept
before=$(time_of ziti-router ExecMainPID)
systemctl kill --signal KILL ziti-router
another() { local now; now=$(time_of ziti-router ExecMainPID); [ "$now" != 0 ] && [ "$now" != "$before" ]; }
see 'the router crashed and is back' until_ another
see 'its services are forgotten' services 0
see 'it is still attached' attached
see 'and its health is told' until_ well
tc qdisc delete dev eth0 clsact
see 'taken off, it is attached again' until_ attached
systemctl stop ziti-glb-diverter
sleep 20
see 'stopped, it stays off' [ -z "$(tc qdisc show dev eth0 clsact)$(diverter status | grep '^attached  *eth0')" ]
systemctl start ziti-glb-diverter
dpkg --install /package.deb >/dev/null
see 'installed again, it is attached' attached
removal=$(dpkg --remove ziti-glb-diverter 2>&1)
remains=$(left)
see "removed, nothing is left ${remains:+: $removal: $remains}" [ -z "$remains" ]
sync
systemctl poweroff
PROOF
chmod +x "$root/proof"

truncate --size 2G "$work/disk"
mke2fs -q -t ext4 -d "$root" "$work/disk"
timeout 2700 qemu-system-x86_64 -m 1024 -nographic \
	-kernel "$(find "$root/boot" -name 'vmlinuz*')" -initrd "$(find "$root/boot" -name 'initrd*')" \
	-append 'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet' \
	-drive "file=$work/disk,format=raw,if=virtio" -nic user,model=virtio-net-pci </dev/null | tr -d '\r' >"$work/console"
grep -ao 'proof: .*' "$work/console" || { tail -n 30 "$work/console" >&2; exit 1; }
[ "$(grep -ac 'proof: yes' "$work/console")" = 30 ] && ! grep -aq 'proof: NO' "$work/console"
