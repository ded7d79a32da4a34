#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# google/gopacket 1.1.19 reads the length of a GENEVE option from four bits. RFC 8926 gives it five, in words of four octets, so an
# option may have 124 octets of data. Seen: an option of 60 octets is read as it is; one of 64 as seventeen empty ones, of which
# the last sixteen, its data, have class 0 and type 0.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
cd "$work"
cat > go.mod <<'GO'
module seen
go 1.21
require github.com/google/gopacket v1.1.19
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// read gives how many options it finds, and the octets of data of the first, in GENEVE with one option of Amazon's class.
func read(octets int) (int, int) {
	option := append([]byte{1, 8, 1, byte(octets / 4)}, make([]byte, octets)...)
	packet := append([]byte{byte(len(option) / 4), 0, 8, 0, 0, 0, 0, 0}, option...)
	packet = append(packet, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2)
	decoded := gopacket.NewPacket(packet, layers.LayerTypeGeneve, gopacket.Default)
	options := decoded.Layer(layers.LayerTypeGeneve).(*layers.Geneve).Options
	return len(options), len(options[0].Data)
}

func main() {
	for octets, wanted := range map[int][2]int{60: {1, 60}, 64: {17, 0}} {
		count, first := read(octets)
		fmt.Printf("an option of %d octets: %d read, the first of %d\n", octets, count, first)
		if [2]int{count, first} != wanted {
			fmt.Println("it behaves otherwise now")
			os.Exit(1)
		}
	}
}
GO
go mod tidy 2>/dev/null
go run .
