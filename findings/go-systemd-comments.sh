#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# coreos/go-systemd 22.7.0 loses options of a unit file behind comments. By systemd.syntax(7) a line that begins with "#" or ";" is
# ignored, whatever it ends in, and inside a value that goes on in further lines too. The parser takes a backslash at the end of a comment
# for a continuation, and the next option for the rest of the comment; a comment inside a value ends that, and what follows it is an
# option of its own. Seen: no Restart=, an ExecStart= that ends in the comment, and an option named --zone; systemd 252 has Restart=always
# and one ExecStart=.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
cd "$work"
cat > go.mod <<'GO'
module seen
go 1.23
require github.com/coreos/go-systemd/v22 v22.7.0
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/unit"
)

func main() {
	options, err := unit.DeserializeOptions(os.Stdin)
	if err != nil {
		panic(err)
	}
	for _, option := range options {
		fmt.Printf("%s = %q\n", option.Name, option.Value)
	}
}
GO
go mod tidy 2>/dev/null
go run . <<'UNIT' | tee seen
[Service]
# as on the old host, under C:\router\
Restart=always
ExecStart=/usr/bin/router run \
# the second zone
--zone=b
UNIT
diff seen - <<'SEEN'
ExecStart = "/usr/bin/router run \\\n# the second zone"
--zone = "b"
SEEN
