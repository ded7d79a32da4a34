#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# goformation 7.14.9 drops a zero of a stack's policies, and what CloudFormation takes instead is no zero. By the CloudFormation template
# reference MinSuccessfulInstancesPercent may be 0 to 100, and is 100 where it is absent. An Auto Scaling group whose template was read and
# written again has its creation and its updates rolled back for one instance that sends no signal, where none had to send one. Seen: the
# zero and the false of properties are kept; MinSuccessfulInstancesPercent is gone from both policies.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
mkdir "$work/seen"
cd "$work/seen"
cat > go.mod <<'GO'
module seen
go 1.21
require github.com/awslabs/goformation/v7 v7.14.9
GO
cat > main.go <<'GO'
package main

import (
	"fmt"

	"github.com/awslabs/goformation/v7"
)

const routers = `
Resources:
  Routers:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy:
      AutoScalingCreationPolicy: { MinSuccessfulInstancesPercent: 0 }
      ResourceSignal: { Count: 2, Timeout: PT5M }
    UpdatePolicy:
      AutoScalingRollingUpdate: { MinSuccessfulInstancesPercent: 0, PauseTime: PT5M, WaitOnResourceSignals: true }
    Properties: { HealthCheckGracePeriod: 0, MaxSize: "2", MinSize: "0", NewInstancesProtectedFromScaleIn: false }
`

func main() {
	template, err := goformation.ParseYAML([]byte(routers))
	if err != nil {
		panic(err)
	}
	written, err := template.YAML()
	if err != nil {
		panic(err)
	}
	fmt.Print(string(written))
}
GO
go run . 2>/dev/null | tee ../written
diff ../written - <<'SEEN'
Resources:
    Routers:
        CreationPolicy:
            AutoScalingCreationPolicy: {}
            ResourceSignal:
                Count: 2
                Timeout: PT5M
        Properties:
            HealthCheckGracePeriod: 0
            MaxSize: "2"
            MinSize: "0"
            NewInstancesProtectedFromScaleIn: false
        Type: AWS::AutoScaling::AutoScalingGroup
        UpdatePolicy:
            AutoScalingRollingUpdate:
                PauseTime: PT5M
                WaitOnResourceSignals: true
SEEN
