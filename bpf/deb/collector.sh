#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collector [ROOT]: the variables of ziti-router's environment that set Go's garbage collector by the memory there is, one a line. None
# if /etc/default/ziti-glb-router says TUNE=false, or if the environment has one of them already: then somebody else has set it.
# What they mean: https://pkg.go.dev/runtime#hdr-Environment_Variables
set -eu
root=${1:-}
# The collector runs when the heap has grown by so many percent.
growth=200

settings=$root/etc/default/ziti-glb-router
if [ -n "${GOGC+set}${GOMEMLIMIT+set}" ] || grep -qsx 'TUNE=false' "$settings"; then exit; fi

# Memory counts in bytes: the machine's, and no more than this cgroup, or one that it is in, may have.
memory=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' "$root/proc/meminfo") * 1024))
# lowest GROUP FILE...: of version 2 or 1, from the group up.
lowest() {
	local group=$1 file limit
	shift
	while :; do
		for file; do
			limit=$(cat "$root/sys/fs/cgroup/${file%/*}$group/${file##*/}" 2>/dev/null) || continue
			# In version 2 a group may have no limit, which is "max".
			case $limit in *[!0-9]*) ;; *) [ "$limit" -ge "$memory" ] || memory=$limit ;; esac
		done
		[ -n "$group" ] || break
		group=${group%/*}
	done
}
while IFS=: read -r number controllers group; do
	case $number:$controllers in
	0:) lowest "$group" ./memory.max ./memory.high ;;
	*:memory) lowest "$group" memory/memory.limit_in_bytes ;;
	esac
done <"$root/proc/self/cgroup"

# The heap has half of it once it holds a quarter, by Go's default of 100 percent. From there on the collector runs sooner than
# by ours, and never does a router that would have had room without have none.
echo "GOGC=$growth"
echo "GOMEMLIMIT=$((memory / 2 / 1024 / 1024))MiB"
