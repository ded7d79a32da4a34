import { expect, test } from '@jest/globals';
import { shown } from '../../bin/commands/plan.ts';
import type { Link } from '../../bin/explain/chain.ts';
import type { Finding } from '../../bin/findings.ts';
import type * as json from '../../bin/json.ts';
import type { Deployment } from '../../bin/stack-deployment.ts';
import type { Topology } from '../../shared/topology/model.ts';
import { read } from '../support/documents.ts';

/** Takes a type only where each can stand for the other: `tsc` refuses what is said otherwise than it is made. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;

test('what programs are told of --json is what commands make', () => {
  const same: [
    Same<json.Status, Topology>,
    Same<json.Findings, Finding[]>,
    Same<json.Explanation['chain'], Link[]>,
    Same<json.Config, Deployment>,
    Same<json.Precheck, Finding[]>,
  ] = [true, true, true, true, true];
  const nothing = shown({ steps: [], conditions: [] }, () => '');
  const plans: json.Plan = { subnets: nothing, routers: nothing };
  expect([...same, plans]).toHaveLength(6);
});

test('needs nothing of this project, as a package gives it on', () => {
  expect(read('bin/json.ts')).not.toMatch(/^import|from '/m);
  expect(read('bin/json.ts').match(/^export (?!interface|type)/gm)).toBeNull();
});
