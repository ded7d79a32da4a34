"""Which permissions CloudFormation's handlers of resource types need, as the schemas have it that cfn-lint brings; the types are read as a list of JSON."""
import json
import sys
from pathlib import Path

import cfnlint

schemas = Path(cfnlint.__file__).parent / 'data/schemas'
hashes = json.loads((schemas / 'providers/us-east-1.json').read_text())


def handlers(kind):
    schema = json.loads((schemas / f'resources/{hashes[kind]}.json').read_text())
    return {name: sorted(set(schema['handlers'][name]['permissions'])) for name in ('create', 'read', 'update', 'delete') if name in schema['handlers']}


json.dump({kind: handlers(kind) for kind in json.load(sys.stdin)}, sys.stdout, indent=2)
