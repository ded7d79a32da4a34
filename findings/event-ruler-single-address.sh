#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# event-ruler 2.1.0, the matcher behind EventBridge: a CIDR of one address is refused, /32 for IPv4 and /128 for IPv6, where /31 and /127
# are taken, and /0 is. Who filters by one sourceIPAddress has to write it as a string. Seen: IllegalArgumentException "IPv4 mask bits
# must be < 32" and "IPv6 mask bits must be < 128". Needs a JDK; the jars come from Maven Central.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
maven=https://repo1.maven.org/maven2
jackson=com/fasterxml/jackson/core
for jar in software/amazon/event/ruler/event-ruler/2.1.0/event-ruler-2.1.0 $jackson/jackson-core/2.18.2/jackson-core-2.18.2 \
	$jackson/jackson-databind/2.18.2/jackson-databind-2.18.2 $jackson/jackson-annotations/2.18.2/jackson-annotations-2.18.2 \
	ch/randelshofer/fastdoubleparser/1.0.1/fastdoubleparser-1.0.1; do
	curl --silent --show-error --fail --remote-name "$maven/$jar.jar"
done
cat >Probe.java <<'JAVA'
import software.amazon.event.ruler.Machine;

class Probe {
    public static void main(String[] cidrs) throws Exception {
        for (String cidr : cidrs) {
            Machine machine = new Machine();
            String said = "taken";
            try {
                machine.addRule("rule", "{\"sourceIPAddress\":[{\"cidr\":\"" + cidr + "\"}]}");
            } catch (IllegalArgumentException error) {
                said = error.getMessage();
            }
            System.out.println(cidr + ": " + said);
        }
    }
}
JAVA
javac -cp '*' Probe.java
java -cp '*:.' Probe 192.0.2.7/31 192.0.2.7/32 0.0.0.0/0 2001:db8::7/127 2001:db8::7/128 | tee seen
diff seen - <<'SEEN'
192.0.2.7/31: taken
192.0.2.7/32: IPv4 mask bits must be < 32
0.0.0.0/0: taken
2001:db8::7/127: taken
2001:db8::7/128: IPv6 mask bits must be < 128
SEEN
