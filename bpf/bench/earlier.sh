#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# earlier.sh [COMMIT]
# Makes build/earlier/build/diverter, the earlier build that the benchmarks have beside this one, where this clone has that commit. Else
# there is none. By default it is the last one before receive aggregation.
set -eu
cd "$(dirname "$0")/.."
COMMIT=${1:-9327650}
hash=$(git rev-parse --quiet --verify "$COMMIT^{commit}" || :)
[ -z "$hash" ] || [ "$(cat build/earlier/commit 2>/dev/null)" != "$hash" ] || exit 0
rm -rf build/earlier
if [ -n "$hash" ]; then
	mkdir -p build/earlier
	git -C .. archive "$hash" bpf | tar -x --strip-components 1 -C build/earlier
	make -s -C build/earlier build/diverter
	echo "$hash" >build/earlier/commit
else
	echo "no column of an earlier build: this copy of the repository has no commit $COMMIT" >&2
fi
