#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# arm64-libraries.sh DIRECTORY: what a static program for arm64 is linked from, out of this Debian's own archive, unpacked
# there. apt gets a state of its own, so that this machine's packages know nothing of another architecture.
set -eu
mkdir -p "$1"
cd "$1"
mkdir -p apt/lists/partial apt/archives/partial
: >apt/status
set -- -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$PWD/apt" -o Dir::State::status="$PWD/apt/status" \
	-o Dir::Cache="$PWD/apt" -o APT::Sandbox::User=root
apt-get "$@" update
apt-get "$@" download libc6-dev linux-libc-dev libbpf-dev libelf-dev zlib1g-dev
for package in *.deb; do
	dpkg-deb --extract "$package" .
done
rm -rf apt ./*.deb
