#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# debian-inspector 31.1.1 takes no version without a revision that ends in "~" or "+". By Debian Policy (5.6.12) both may stand anywhere
# behind the first digit, and "~" sorts before the end: "(>= 3.1~)" is how a package asks for 3.1, its backports and its release candidates,
# and many of Debian 12 do. With a revision the same is taken, and dpkg takes all. Seen: ValueError "Invalid version string" for 3.1~ and
# 3.1+, and for a dependency on such, once it is matched; 3.1-1~ is a version.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check debian-inspector==31.1.1
"$work/venv/bin/python" - <<'PYTHON' | tee "$work/seen"
from debian_inspector.deps import parse_depends
from debian_inspector.version import Version


def tried(what):
    try:
        return what()
    except ValueError as error:
        return error


for version in ['3.1', '3.1~rc1', '3.1-1~', '3.1~', '3.1+']:
    print(version, 'is', tried(lambda: Version.from_string(version)))
for relation in ['python3 (>= 3.1-1~)', 'python3 (>= 3.1~)']:
    print(relation, 'by 3.11.2-1:', tried(lambda: parse_depends(relation).matches('python3', '3.11.2-1')))
PYTHON
diff "$work/seen" - <<'SEEN'
3.1 is 3.1
3.1~rc1 is 3.1~rc1
3.1-1~ is 3.1-1~
3.1~ is Invalid version string: "3.1~"
3.1+ is Invalid version string: "3.1+"
python3 (>= 3.1-1~) by 3.11.2-1: True
python3 (>= 3.1~) by 3.11.2-1: Invalid version string: "3.1~"
SEEN
