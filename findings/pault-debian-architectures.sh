#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pault.ag/go/debian 0.21.4 takes an architecture wildcard of Debian, linux-any, for the architectures with the C library's usual ABI alone,
# and prints it as "any". By Debian Policy (11.1.1) linux-any are all architectures whose kernel is Linux, armhf, armel and x32 among them,
# and "any" are the Hurd's too; dpkg-architecture -i has it so. What depends on another package where the kernel is Linux does not
# need it on armhf, by this package, and needs it everywhere once it is written back. Seen: armhf false, "[any]" for "[linux-any]".
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
cd "$work"
cat > go.mod <<'GO'
module seen
go 1.21
require pault.ag/go/debian v0.21.4
GO
cat > main.go <<'GO'
package main

import (
	"fmt"

	"pault.ag/go/debian/dependency"
)

func main() {
	libcap, err := dependency.Parse("libcap-dev [linux-any]")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"amd64", "arm64", "armhf", "armel", "x32", "hurd-i386"} {
		arch, err := dependency.ParseArch(name)
		if err != nil {
			panic(err)
		}
		fmt.Println(name, len(libcap.GetPossibilities(*arch)) == 1)
	}
	fmt.Println(libcap.String())
}
GO
go mod tidy 2>/dev/null
go run . | tee seen
diff seen - <<'SEEN'
amd64 true
arm64 true
armhf false
armel false
x32 false
hurd-i386 false
libcap-dev [any]
SEEN
