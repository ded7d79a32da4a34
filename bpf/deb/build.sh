#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh BINARY ARCHITECTURE VERSION OUTPUT LINKED: the package of a built diverter, with nothing but dpkg-deb. LINKED is what
# linked.sh wrote of it.
set -eu
binary=$1 architecture=$2 version=$3 output=$4 linked=$5
here=$(dirname "$0")
root=$(mktemp -d)
trap 'rm -rf "$root" "$output.$$" "$output.$$.built-using"' EXIT
trap 'exit 130' INT TERM HUP # which dash else ends without the above
chmod 755 "$root"

install -D -m 755 "$binary" "$root/usr/sbin/diverter"
install -D -m 644 -t "$root/lib/systemd/system" "$here"/*.service "$here"/*.timer
install -D -m 755 "$here/collector.sh" "$root/usr/lib/ziti-glb-diverter/collector"
install -d -m 755 "$root/usr/share/doc/ziti-glb-diverter"
"$here/copyright.sh" "$linked" >"$root/usr/share/doc/ziti-glb-diverter/copyright"
chmod 644 "$root/usr/share/doc/ziti-glb-diverter/copyright"
install -D -m 644 "$here/ziti-router.conf" "$root/lib/systemd/system/ziti-router.service.d/ziti-glb-diverter.conf"
install -D -m 755 -t "$root/DEBIAN" "$here/preinst" "$here/postinst" "$here/prerm" "$here/postrm"
# Debian's field Static-Built-Using names the sources that a binary holds parts of, as a file beside the package does for who
# lists what is deployed.
sources=$(awk '{ print $3 " (= " $4 ")" }' "$linked" | sort -u | paste -sd , | sed 's/,/, /g')
echo "$sources" >"$output.$$.built-using"

cat >"$root/DEBIAN/control" <<CONTROL
Package: ziti-glb-diverter
Version: $version
Architecture: $architecture
Maintainer: ziti-glb
Pre-Depends: passwd
Static-Built-Using: $sources
Section: net
Priority: optional
Description: GENEVE of an AWS Gateway Load Balancer to an OpenZiti router
 One eBPF program on the router's interface takes what the load balancer sends out
 of its GENEVE and gives it to the listener of the OpenZiti service it is for.
CONTROL
# The same binary makes the same package, whenever: routers that have it are not given it again.
SOURCE_DATE_EPOCH=315532800 dpkg-deb --root-owner-group -Zxz --build "$root" "$output.$$" >/dev/null
# Who reads it meanwhile has the whole of the one before.
mv "$output.$$.built-using" "${output%.deb}.built-using"
mv "$output.$$" "$output"
