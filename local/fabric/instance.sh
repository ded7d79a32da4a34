#!/bin/bash
# The first process of an instance: instance.sh NAME BOOT PATH...
# Started in mount, UTS and PID namespaces of its own. Makes a root that is the host's plus what is changed here, names
# the host, boots, and reaps. Writes its pid, as the host counts, when programs may be run in it; ends with its stdin.
set -e
name=$1 boot=$2
shift 2
read -r pid _ </proc/self/stat

mount -t tmpfs -o mode=755 instance /run
mkdir /run/host /run/changes /run/work /run/root
mount --bind / /run/host
mount -o remount,bind,ro /run/host
mount -t overlay -o nodev,lowerdir=/run/host,upperdir=/run/changes,workdir=/run/work overlay /run/root
cd /run/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t bpf -o mode=700 bpf sys/fs/bpf # as systemd does
# No disk of the host's: a file system of its own, to which what a machine needs is lent device by device.
mount -t tmpfs -o mode=755,nodev,nosuid dev dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777,nodev,nosuid shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=755,nodev run run
# An overlay is of one file system: what we need of others is lent, read-only.
for path; do
  [ "$(stat -c %m "$path")" = / ] && continue
  mkdir -p ".$path"
  mount --bind "$path" ".$path"
  mount -o remount,bind,ro ".$path"
done
pivot_root . .
umount -l .
cd /
hostname "$name"

setsid "$boot" </dev/null >/var/log/boot.log 2>&1 &
echo "$pid"
exec >/dev/null 2>&1
cat || :
