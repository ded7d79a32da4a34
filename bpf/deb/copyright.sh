#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# copyright.sh MAP DIRECTORY: whose work is in the binary that the linker wrote this map of, as Debian's packages of the libraries
# say it; of those that were unpacked in DIRECTORY, there. What of them is linked statically is under their licenses.
set -eu
map=$1 directory=$2
archives=$(sed -n 's/^\(\/.*\.a\)(.*/\1/p' "$map" | xargs -rn 1 realpath | sort -u)
[ -n "$archives" ] || { echo "$map names no library" >&2; exit 1; }

# package ARCHIVE: which one it is of, and where that has its documents.
package() {
	case $1 in
	"$directory"/*) # without a data base of dpkg's
		case ${1##*/} in
		libc.a) name=libc6-dev ;;
		libz.a) name=zlib1g-dev ;;
		*) name=$(basename "$1" .a)-dev ;;
		esac
		documents=$directory/usr/share/doc/$name
		;;
	*)
		name=$(dpkg --search "$1" | sed 's/[:,].*//')
		documents=/usr/share/doc/$name
		;;
	esac
}

cat <<'HEAD'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ziti-glb

Files: *
Copyright: The ziti-glb authors
License: Apache-2.0
 On Debian systems, the text of this license is in /usr/share/common-licenses/Apache-2.0.

HEAD
printf 'Files: usr/sbin/diverter\nCopyright: The ziti-glb authors, and those whom the licenses below name\nLicense: Apache-2.0'
for archive in $archives; do package "$archive"; echo "$name"; done | sort -u | sed 's/^/ and /' | tr -d '\n'
echo
echo 'Comment: The program of the kernel side in it is under GPL-2.0-only or BSD-2-Clause. These are linked statically:'
for archive in $archives; do
	package "$archive"
	echo " ${archive##*/} of $name"
done
for archive in $archives; do
	package "$archive"
	echo "$name $documents"
done | sort -u | while read -r name documents; do
	printf '\nLicense: %s\n' "$name"
	sed 's/^[[:space:]]*$/./; s/^/ /' "$documents/copyright"
done
