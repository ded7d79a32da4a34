#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# flowlogs-reader 5.0.1 writes "-" for each number of a VPC flow log record that is 0, in what its command prints and FlowRecord.to_message()
# gives. "-" says that a field has no value ("Flow log records" in the Amazon VPC user guide), and 0 is one: both ports of ICMP are 0, and
# so are the flags of a TCP flow of which none was seen. What reads that text again finds no ports, and this package's own
# aggregated_records() leaves such records out as incomplete. Seen: "- - 1" for ports and protocol of a ping, "0 0 1" in the record; no flow.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check flowlogs-reader==5.0.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
from flowlogs_reader import FlowRecord, aggregated_records

def ports(message):
    return ' '.join(message.split()[5:8])

message = '2 111122223333 eni-0123456789abcdef0 10.0.10.4 10.20.0.5 0 0 1 4 336 1700000000 1700000060 ACCEPT OK'
record = FlowRecord.from_cwl_event({'message': message})
again = FlowRecord.from_cwl_event({'message': record.to_message()})
print('record:', ports(message), '; written:', ports(record.to_message()))
print('flows of the record:', len(list(aggregated_records([record]))), '; of what was written:', len(list(aggregated_records([again]))))
assert (record.srcport, record.dstport) == (0, 0)
assert ports(record.to_message()) == '- - 1', 'it writes 0 now'
assert not list(aggregated_records([again]))
PYTHON
