#!/bin/bash
# The first process of an instance: instance.sh NAME BOOT PATH...
# Started in mount, UTS and PID namespaces of its own. Makes a root that is the host's plus what is changed here, names
# the host, boots, and reaps. Writes its pid, as the host counts, when programs may be run in it; ends with its stdin.
set -e
name=$1 boot=$2
shift 2
read -r pid _ </proc/self/stat

mount -t tmpfs -o mode=755 instance /run
mkdir /run/changes /run/work /run/root
mount -t overlay -o lowerdir=/,upperdir=/run/changes,workdir=/run/work overlay /run/root
cd /run/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t bpf -o mode=700 bpf sys/fs/bpf # as systemd does
mount --rbind /dev dev
mount -t tmpfs -o mode=755 run run
# An overlay is of one file system: what we need of others is lent, read-only.
for path; do
  [ "$(stat -c %m "$path")" = / ] && continue
  mkdir -p ".$path"
  mount --rbind "$path" ".$path"
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
