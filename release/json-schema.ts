import * as z from 'zod';
import { diverterStatus } from '../bin/diverter-status.ts';
import { SCHEMA_VERSION } from '../bin/formats.ts';
import type * as json from '../bin/json.ts';

const versioned = { schemaVersion: z.literal(SCHEMA_VERSION) };
const time = z.number().describe('milliseconds since the epoch');
const state = z.enum(['ready', 'leaving', 'waiting', 'conflict', 'blocked', 'refused', 'down']);
const flow = z.enum(['carries', 'pending', 'lost']).exactOptional();
const subject = {
  id: z.string(),
  name: z.string(),
  zone: z.string(),
  state,
  why: z.array(z.string()),
  code: z.string().optional(),
};

const finding = z.object({
  is: z.enum(['fault', 'warning', 'unknown', 'note', 'ok']),
  check: z.string(),
  says: z.string(),
  remedy: z.string(),
  code: z.string().optional(),
});

const paused = z.object({ since: time.optional(), why: z.string() }).optional();

const status = z.object({
  ...versioned,
  place: z.object({ partition: z.string(), region: z.string(), stack: z.string() }),
  account: z.string(),
  vpcId: z.string(),
  tagKey: z.string(),
  at: time,
  crossZone: z.boolean(),
  paused,
  zones: z.array(
    z.object({
      name: z.string(),
      subnets: z.array(
        z.object({
          ...subject,
          vpcId: z.string().optional(),
          cidrs: z.array(z.string()),
          tagValue: z.string().exactOptional(),
          destinations: z.array(z.object({ cidr: z.string(), asked: z.boolean(), routed: z.boolean() })),
          tableId: z.string().exactOptional(),
          endpoint: z.object({ id: z.string(), state: z.string() }).exactOptional(),
          flow,
        }),
      ),
      nodes: z.array(z.object({ address: z.string(), carries: z.boolean() })),
      routers: z.array(
        z.object({
          ...subject,
          address: z.string(),
          instanceState: z.string(),
          health: z.string(),
          reason: z.string().optional(),
          since: time.optional(),
          flow,
        }),
      ),
      others: z.number(),
    }),
  ),
  gateways: z.array(
    z.object({ id: z.string(), attachmentId: z.string().optional(), owner: z.string().optional(), state: z.string() }),
  ),
  spokes: z.array(z.object({ id: z.string(), owner: z.string(), state: z.string() })),
  spokeAccounts: z.array(z.string()),
  hub: z
    .object({
      account: z.string(),
      service: z.string(),
      visible: z.boolean(),
      zones: z.array(z.object({ id: z.string(), name: z.string(), routers: z.number().optional() })),
      toldAt: time.optional(),
      blind: z.string().optional(),
    })
    .exactOptional(),
  notes: z.array(
    z.object({ subject: z.string(), state, why: z.string(), code: z.string(), foreign: z.boolean().exactOptional() }),
  ),
});

const waiting = z.object({
  subject: z.string(),
  for: z.string(),
  code: z.string(),
  until: time.optional(),
  since: time.optional(),
  warn: z.boolean().optional(),
});
const part = z.object({
  // Each kind has ids of its own beside these.
  steps: z.array(
    z.looseObject({
      kind: z.string(),
      subject: z.string(),
      says: z.string(),
      before: z.string().exactOptional(),
      after: z.string().exactOptional(),
    }),
  ),
  waiting: z.array(waiting),
  refused: z.array(waiting),
  gauges: z.record(z.string(), z.number()).exactOptional(),
});
const plan = z.object({
  ...versioned,
  subnets: part,
  routers: part.exactOptional(),
  paused,
  with: z.object({ subnet: z.string(), state: z.string(), says: z.string() }).exactOptional(),
});

const link = z.object({ name: z.string(), holds: z.boolean(), says: z.string(), code: z.string().optional() });
const explain = z.object({
  ...versioned,
  subject: z.string(),
  chain: z.array(link),
  broken: link.optional(),
  said: z.array(z.string()),
});

const doctor = z.array(finding);

const config = z.object({
  ...versioned,
  name: z.string(),
  status: z.string(),
  version: z.string().optional(),
  at: time,
  parameters: z.record(z.string(), z.string()),
  defaults: z.record(z.string(), z.string()),
});

const router = z.object({
  ...versioned,
  id: z.string(),
  label: z.string(),
  ...{ health: z.string(), reason: z.string().optional(), since: time.optional(), why: z.array(z.string()) },
  said: z.array(z.object({ command: z.string(), code: z.number(), lines: z.array(z.string()) })),
  status: diverterStatus.optional(),
  findings: doctor,
});

const versions = z.object({
  ...versioned,
  command: z.string(),
  functions: z.array(
    z.object({ name: z.string(), version: z.string(), runtime: z.string(), deployed: z.string(), code: z.string() }),
  ),
  routers: z.array(
    z.object({
      id: z.string(),
      label: z.string(),
      isWanted: z.boolean(),
      diverter: z.string().optional(),
      kernel: z.string().optional(),
      ziti: z.string().optional(),
      agent: z.string().optional(),
      unknown: z.string().optional(),
    }),
  ),
});

const log = z.object({
  ...versioned,
  id: z.string(),
  at: time,
  function: z.string(),
  level: z.string(),
  message: z.string(),
});

const listOr = <T extends z.ZodType>(document: T) => z.union([z.array(document), z.object({ failed: z.string() })]);
const bundle = z.object({
  ...versioned,
  stack: z.string(),
  at: z.string().describe('a time of ISO 8601'),
  config: z.record(z.string(), z.unknown()),
  versions: listOr(versions),
  status: listOr(status),
  plan: listOr(plan),
  doctor: listOr(doctor),
  log: listOr(log),
});

/** Each command prints this with `--json`, by its name. */
export const DOCUMENTS = {
  ...{ status, plan, explain, test: explain, doctor, precheck: doctor, config, router, log, versions, bundle },
} satisfies Record<string, z.ZodType>;

/** The types that a package gives on, by the same names: `tsc` refuses a schema that says otherwise. */
export interface Documents {
  status: json.Status;
  plan: json.Plan;
  explain: json.Explanation;
  test: json.Explanation;
  doctor: json.Findings;
  precheck: json.Precheck;
  config: json.Config;
  router: json.Router;
  log: json.LogLine;
  versions: json.Versions;
  bundle: json.Bundle;
}

/**
 * A JSON Schema of the draft 2020-12, each command's document in `$defs` by its name.
 * @param closed whether members that it does not name are refused: readers are to take what is added
 */
export function jsonSchema({ closed = false } = {}) {
  const define = (document: z.ZodType) => {
    const { $schema: _, ...schema } = z.toJSONSchema(document, { io: closed ? 'output' : 'input' });
    return schema;
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What ziti-glb prints with --json',
    description: `schemaVersion ${SCHEMA_VERSION}. Each command's document is one of $defs, by the command's name; log prints one a line.`,
    $defs: Object.fromEntries(Object.entries(DOCUMENTS).map(([name, document]) => [name, define(document)])),
  };
}
