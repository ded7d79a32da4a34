#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vishvananda/netlink 1.3.1 says of each GENEVE device that it leaves DF of the outer header unset. The kernel tells in IFLA_GENEVE_DF
# whether it is unset, set or inherited; the library writes that attribute when it makes a device and does not read it from one. Who makes
# a device like the one that was read makes one whose packets are fragmented where those of the first are not. Seen: GENEVE_DF_UNSET (0)
# for a message with GENEVE_DF_SET (1), beside the VNI and the port that it has. No device is made: the message is an RTM_NEWLINK.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
cd "$work"
cat > go.mod <<'GO'
module seen
go 1.21
require github.com/vishvananda/netlink v1.3.1
GO
cat > main.go <<'GO'
package main

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

func main() {
	kind := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	kind.AddRtAttr(nl.IFLA_INFO_KIND, nl.ZeroTerminated("geneve"))
	data := kind.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	data.AddRtAttr(nl.IFLA_GENEVE_ID, nl.Uint32Attr(7))
	data.AddRtAttr(nl.IFLA_GENEVE_PORT, []byte{0x17, 0xc1})
	data.AddRtAttr(nl.IFLA_GENEVE_DF, nl.Uint8Attr(uint8(netlink.GENEVE_DF_SET)))
	message := append(nl.NewIfInfomsg(unix.AF_UNSPEC).Serialize(), nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("gnv0")).Serialize()...)
	link, err := netlink.LinkDeserialize(nil, append(message, kind.Serialize()...))
	if err != nil {
		panic(err)
	}
	geneve := link.(*netlink.Geneve)
	fmt.Println("vni", geneve.ID, "port", geneve.Dport, "df", geneve.Df)
}
GO
go mod tidy 2>/dev/null
go run . | tee seen
diff seen - <<<'vni 7 port 6081 df 0'
