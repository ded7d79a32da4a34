#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# packages.sh ARCHITECTURE DIRECTORY PACKAGE...: packages out of this Debian's own archive, unpacked there; of a kernel's
# package that only names the newest, that one. SUITE names another release of Debian to take them from. What came from which source, in which version, is in DIRECTORY/packages. apt gets a state of its own, so that this machine's packages know nothing of
# another architecture.
set -eu
architecture=$1 directory=$2
shift 2
mkdir -p "$directory"
cd "$directory"
mkdir -p apt/lists/partial apt/archives/partial
: >apt/status
if [ -n "${SUITE:-}" ]; then
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $SUITE main" >apt/sources
	sources="-o Dir::Etc::sourcelist=$PWD/apt/sources -o Dir::Etc::sourceparts=-"
fi
apt() {
	command=$1
	shift
	"$command" -qq ${sources:-} -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o Dir::State="$PWD/apt" \
		-o Dir::State::status="$PWD/apt/status" -o Dir::Cache="$PWD/apt" -o APT::Sandbox::User=root "$@"
}
apt apt-get update
for package in "$@"; do
	case $package in
	linux-image-cloud-*) package=$(apt apt-cache depends "$package" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1) ;;
	esac
	apt apt-get download "$package"
	# Newer kernels have parts in packages of their own.
	case $package in
	linux-image-[0-9]*)
		for part in $(apt apt-cache depends "$package" | sed -n 's/.*Depends: \(linux-\(modules\|binary\)-[0-9].*\)/\1/p'); do
			apt apt-get download "$part"
		done
		;;
	esac
done
for package in *.deb; do
	dpkg-deb --extract "$package" .
	dpkg-deb --show --showformat='${Package} ${source:Package} ${source:Version}\n' "$package" >>packages
done
rm -rf apt ./*.deb
