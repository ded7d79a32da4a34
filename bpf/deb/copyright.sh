#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# copyright.sh LINKED: whose work is in the binary, as Debian's packages of the libraries say it that linked.sh has listed. What of
# them is linked statically is under their licenses.
set -eu
linked=$1

cat <<'HEAD'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ziti-glb

Files: *
Copyright: The ziti-glb authors
License: Apache-2.0
 On Debian systems, the text of this license is in /usr/share/common-licenses/Apache-2.0.

HEAD
printf 'Files: usr/sbin/diverter\nCopyright: The ziti-glb authors, and those whom the licenses below name\nLicense: Apache-2.0'
cut -d ' ' -f 2 "$linked" | sort -u | sed 's/^/ and /' | tr -d '\n'
echo
echo 'Comment: The program of the kernel side in it is under GPL-2.0-only or BSD-2-Clause. These are linked statically:'
while read -r library name _ _ _; do
	echo " $library of $name"
done <"$linked"
cut -d ' ' -f 2,5 "$linked" | sort -u | while read -r name documents; do
	printf '\nLicense: %s\n' "$name"
	sed 's/^[[:space:]]*$/./; s/^/ /' "$documents/copyright"
done
