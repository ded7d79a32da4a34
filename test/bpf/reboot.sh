#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the package on a Debian 12 with systemd in qemu, reboots it, has its router crash, and removes it again.
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
name=ziti-router.service unit '[Service]' 'ExecStart=/bin/sleep infinity' 'Restart=always' 'RestartSec=1' \
	'[Install]' 'WantedBy=multi-user.target'
name=proof.service unit '[Unit]' 'After=ziti-router.service address.service' '[Service]' 'ExecStart=/proof' \
	'StandardOutput=tty' 'StandardError=tty' 'TTYPath=/dev/ttyS0' '[Install]' 'WantedBy=multi-user.target'

# It would hang up the terminal that the proof writes to.
ln -s /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"

cat >"$root/proof" <<'PROOF'
#!/bin/bash
exec 2>&1
say() { echo "proof: $*"; }
see() { local what=$1; shift; if "$@"; then say "yes: $what"; else say "NO: $what"; fi; }
attached() { diverter status | grep -q '^attached  *eth0'; }
services() { [ "$(diverter services | wc -l)" = "$1" ]; }
until_() { for _ in $(seq 300); do "$@" && return; sleep 0.1; done; return 1; }
intercept() { diverter -I -c 100.64.0.1 -m 32 -p tcp -o 0.0.0.0 -n 0 -l 443 -h 443 -t 40000 -s web >/dev/null; }
time_of() { systemctl show --value -p "$2" "$1"; }
left() {
	tc qdisc show dev eth0 | grep clsact
	find /sys/fs/bpf -mindepth 1 ! -name '*.debug'
	systemctl list-units --all --no-legend '*ziti-glb*'
	find / -xdev -path /proc -prune -o -path /sys -prune -o -name '*ziti-glb*' -print | grep -v '^/var/lib/dpkg/\|^/var/log/\|^/etc/default/'
}

if [ ! -e /rebooted ]; then
	dpkg --install /package.deb >/dev/null
	see 'installed, it is attached' until_ attached
	intercept
	see 'it has a service' services 1
	touch /rebooted
	sync
	systemctl reboot
	exit
fi
see 'rebooted, it is attached' until_ attached
see 'before the router starts' [ "$(time_of ziti-glb-diverter ActiveEnterTimestampMonotonic)" -le "$(time_of ziti-router ExecMainStartTimestampMonotonic)" ]
intercept
before=$(time_of ziti-router ExecMainPID)
systemctl kill --signal KILL ziti-router
another() { local now; now=$(time_of ziti-router ExecMainPID); [ "$now" != 0 ] && [ "$now" != "$before" ]; }
see 'the router crashed and is back' until_ another
see 'its services are forgotten' services 0
see 'it is still attached' attached
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
timeout 500 qemu-system-x86_64 -m 1024 -nographic \
	-kernel "$(find "$root/boot" -name 'vmlinuz*')" -initrd "$(find "$root/boot" -name 'initrd*')" \
	-append 'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet' \
	-drive "file=$work/disk,format=raw,if=virtio" -nic user,model=virtio-net-pci </dev/null | tr -d '\r' >"$work/console"
grep -ao 'proof: .*' "$work/console" || { tail -n 30 "$work/console" >&2; exit 1; }
[ "$(grep -ac 'proof: yes' "$work/console")" = 11 ] && ! grep -aq 'proof: NO' "$work/console"
