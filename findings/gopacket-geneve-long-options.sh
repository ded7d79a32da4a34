#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gopacket 1.7.7 loses the inner packet of GENEVE whose options are long. RFC 8926 gives 252 octets to options; the decoder counts
# where it is in an unsigned octet, header included, and so begins again at zero from 248 octets of options on. Seen: with options
# of 244 octets the packet is GENEVE, IPv4; with 248 the GENEVE layer has no octet of its own and the packet is a decoding failure.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
cd "$work"
cat > go.mod <<'GO'
module seen
go 1.25.0
require github.com/gopacket/gopacket v1.7.7
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// read gives the names of the layers of a GENEVE packet with two options of Amazon's class, of 124 and of second octets of data.
func read(second int) string {
	options := append([]byte{1, 8, 1, 31}, make([]byte, 124)...)
	options = append(options, append([]byte{1, 8, 2, byte(second / 4)}, make([]byte, second)...)...)
	packet := append([]byte{byte(len(options) / 4), 0, 8, 0, 0, 0, 0, 0}, options...)
	packet = append(packet, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2)
	seen := fmt.Sprint(len(options), ":")
	for _, layer := range gopacket.NewPacket(packet, layers.LayerTypeGeneve, gopacket.Default).Layers() {
		seen += fmt.Sprint(" ", layer.LayerType(), "(", len(layer.LayerContents()), ")")
	}
	return seen
}

func main() {
	short, long := read(112), read(116)
	fmt.Println(short)
	fmt.Println(long)
	if short != "244: Geneve(252) IPv4(20)" || long != "248: Geneve(0) IPv4(56) DecodeFailure(220)" {
		fmt.Println("it behaves otherwise now")
		os.Exit(1)
	}
}
GO
go mod tidy 2>/dev/null
go run .
