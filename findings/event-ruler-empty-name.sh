#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# event-ruler 2.1.0, the matcher behind EventBridge: a member whose name is empty, as JSON has it, is in no path. A pattern that asks for
# one is taken and matches no event that has it; seen: false for both, where the same with a name is true. Needs a JDK; the jars come
# from Maven Central.
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
import software.amazon.event.ruler.Ruler;

class Probe {
    public static void main(String[] names) throws Exception {
        String[][] pairs = {
            {"{\"tags\":{\"team\":\"a\"}}", "{\"tags\":{\"team\":[\"a\"]}}"},
            {"{\"tags\":{\"\":\"a\"}}", "{\"tags\":{\"\":[\"a\"]}}"},
            {"{\"\":{\"team\":\"a\"}}", "{\"\":{\"team\":[\"a\"]}}"},
        };
        for (String[] pair : pairs)
            System.out.println(pair[0] + " " + Ruler.matchesRule(pair[0], pair[1]));
    }
}
JAVA
javac -cp '*' Probe.java
java -cp '*:.' Probe | tee seen
diff seen - <<'SEEN'
{"tags":{"team":"a"}} true
{"tags":{"":"a"}} false
{"":{"team":"a"}} false
SEEN
