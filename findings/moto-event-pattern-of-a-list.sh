#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5 delivers no event by a member of a list's objects. EventBridge looks into each object of a list (AWS's own event-ruler
# has it so), and CloudTrail's events hold such lists: responseElements.instancesSet.items of RunInstances. Seen: a rule takes the
# member of an object, not the same one of the only object of a list; and takes such a member for one that is not there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[events,sqs]==5.2.5' boto3==1.44.8
export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=eu-central-1
"$work/venv/bin/python" - <<'PYTHON'
import json

import boto3
import moto

@moto.mock_aws
def seen():
    events, sqs = boto3.client('events'), boto3.client('sqs')
    queue = sqs.create_queue(QueueName='seen')['QueueUrl']
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['QueueArn'])['Attributes']['QueueArn']

    def taken(pattern, detail):
        events.put_rule(Name='seen', EventPattern=json.dumps({'source': ['seen'], 'detail': {'items': pattern}}))
        events.put_targets(Rule='seen', Targets=[{'Id': 'seen', 'Arn': arn}])
        events.put_events(Entries=[{'Source': 'seen', 'DetailType': 'seen', 'Detail': json.dumps({'items': detail})}])
        messages = sqs.receive_message(QueueUrl=queue).get('Messages', [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message['ReceiptHandle'])
        return len(messages) == 1

    one, absent = {'id': ['i-1']}, {'id': [{'exists': False}]}
    return [taken(one, {'id': 'i-1'}), taken(one, [{'id': 'i-1'}]), taken(absent, {'id': 'i-1'}), taken(absent, [{'id': 'i-1'}])]

rows = seen()
print('moto', moto.__version__, '- taken: of an object', rows[0], '- of a list', rows[1], '- absent from an object', rows[2], '- from a list', rows[3])
assert rows == [True, False, False, True], 'it behaves otherwise now'
PYTHON
