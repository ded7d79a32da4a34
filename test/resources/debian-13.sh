#!/bin/sh
# Unpacks dpkg of Debian 13, and the libraries that it needs, in a folder, and prints the command that runs it there.
# Needs curl, xz-utils and dpkg.
set -eu
folder=$1
mirror=https://deb.debian.org/debian
arch=$(dpkg --print-architecture)

fetch() { curl --silent --show-error --fail --location --connect-timeout 10 --max-time 120 --retry 2 --output "$folder/$1" "$mirror/$2"; }

fetch packages.xz "dists/trixie/main/binary-$arch/Packages.xz"
xz --decompress --stdout "$folder/packages.xz" >"$folder/packages"
for package in dpkg libbz2-1.0 libc6 liblzma5 libmd0 libpcre2-8-0 libselinux1 libzstd1 zlib1g; do
	at() { awk -v name="$package" -v field="$1:" '$1 == "Package:" { here = $2 == name } here && $1 == field { print $2; exit }' "$folder/packages"; }
	fetch package.deb "$(at Filename)"
	echo "$(at SHA256)  $folder/package.deb" | sha256sum --check --status
	dpkg-deb --extract "$folder/package.deb" "$folder/root"
done
loader=$(find "$folder/root/usr/lib" -type f -name 'ld-linux-*')
echo "$loader --library-path $(dirname "$loader") $folder/root/usr/bin/dpkg"
