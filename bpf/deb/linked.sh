#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# linked.sh MAP DIRECTORY: what the linker that wrote this map took from Debian's packages, a line each: library, package, its source
# and that one's version, its documents. Of libraries that packages.sh unpacked in DIRECTORY the packages are those there.
set -eu
map=$1 directory=$2
format='${Package} ${source:Package} ${source:Version}\n'
archives=$(sed -n 's/^\(\/.*\.a\)(.*/\1/p' "$map" | xargs -rn 1 realpath | sort -u)
[ -n "$archives" ] || { echo "$map names no library" >&2; exit 1; }
for archive in $archives; do
	case $archive in
	"$directory"/*) # without a data base of dpkg's
		case ${archive##*/} in
		libc.a) name=libc6-dev ;;
		libz.a) name=zlib1g-dev ;;
		*) name=$(basename "$archive" .a)-dev ;;
		esac
		package=$(grep "^$name " "$directory/packages")
		documents=$directory/usr/share/doc/$name
		;;
	*)
		name=$(dpkg --search "$archive" | sed 's/[:,].*//')
		package=$(dpkg-query --show --showformat="$format" "$name" | head -1)
		documents=/usr/share/doc/$name
		;;
	esac
	echo "${archive##*/} $package $documents"
done
