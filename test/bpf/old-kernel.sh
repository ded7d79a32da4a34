#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# old-kernel.sh [arm64]
# Boots Debian 12's kernel in qemu and puts golden.json through the diverter there: old verifiers refuse what new ones take,
# and another processor has another compiler in its kernel. The kernel and a shell are downloaded from Debian's archive.
# apt install qemu-system-x86 cpio; for arm64 qemu-system-arm gcc-aarch64-linux-gnu instead of the first
set -eu
cd "$(dirname "$0")/../../bpf"
architecture=${1:-amd64}
case $architecture in
amd64)
	build=build qemu='qemu-system-x86_64' console=ttyS0
	# Kernel tests make the same files: so one at a time.
	flock . make -s build/diverter build/harness
	;;
arm64)
	build=build/arm64 qemu='qemu-system-aarch64 -machine virt -cpu max' console=ttyAMA0
	make -s arm64 ARM64_GOALS='diverter harness'
	;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys"

deb/packages.sh "$architecture" "$work/files" "linux-image-cloud-$architecture" busybox-static
cp $build/diverter $build/harness "$work/files/bin/busybox" "$root/bin/"
find "$work/files" \( -name 'sch_ingress.ko' -o -name 'cls_bpf.ko' -o -name veth.ko \) -exec cp {} "$root/" \;
node -e '
	const packets = JSON.parse(require("fs").readFileSync(process.argv[1])).map(({ packet }) => Buffer.from(packet, "hex"));
	const framed = (packet) => [Buffer.from(Uint32Array.of(packet.length).buffer), packet];
	process.stdout.write(Buffer.concat(packets.flatMap(framed)));
' ../test/bpf/golden.json >"$root/packets"
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
busybox() { /bin/busybox "$@"; }
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t bpf bpf /sys/fs/bpf
for module in /*.ko; do busybox insmod $module; done
busybox ip link set lo up
busybox ip address add 10.0.0.2/24 dev lo
busybox ip address add 2001:db8::2/64 dev lo
echo "kernel $(busybox uname -rm)"
for reply in geneve direct; do /bin/diverter attach lo --from 10.0.0.0/24 --reply $reply && echo "attached $reply"; done
/bin/diverter status | busybox grep '^hook'
/bin/harness run lo </packets >/dev/null
/bin/diverter status | busybox sed -n 's/^ *\([0-9]*\)  \([a-z_]*\) .*/count \1 \2/p'
/bin/diverter detach
busybox poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) | gzip >"$work/initrd"

timeout 1200 $qemu -m 512 -nographic -no-reboot -kernel "$(find "$work/files/boot" -name 'vmlinuz*')" \
	-initrd "$work/initrd" -append "console=$console panic=-1 quiet" </dev/null | tr -d '\r' >"$work/console"
grep -aoE '(kernel [0-9]|attached [a-z]|hook  ).*' "$work/console"
grep -aq '^hook  *lo: clsact' "$work/console" || { echo 'on this kernel, before tcx, it is to be on clsact' >&2; exit 1; }
grep -a '^count ' "$work/console" | sort -k 3 >"$work/counted"
grep -o '"reason": "[a-z_]*"' ../test/bpf/golden.json | sort | uniq -c | sed 's/^ *\([0-9]*\) .*"\(.*\)"/count \1 \2/' | sort -k 3 >"$work/expected"
diff "$work/expected" "$work/counted" && echo "every verdict is as it should be"
