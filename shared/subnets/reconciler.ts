import type { EC2Client } from '@aws-sdk/client-ec2';
import type { HubConfig, SpokeConfig, SubnetsConfig } from '../config.ts';
import type { Hint } from '../events.ts';
import { paused } from '../pause.ts';
import type { Plan } from '../reconcile/plan.ts';
import { spend, type TokenLevels, tokens } from '../reconcile/rate-limit.ts';
import { createTurns } from '../reconcile/turns.ts';
import type { Seal } from '../seal.ts';
import { act } from './act.ts';
import { bucketOf, CREATES } from './buckets.ts';
import { type Clients, observe } from './observe.ts';
import { planVpcs } from './plan.ts';
import { stepSentence } from './sentences.ts';
import { observeSpoke, type SpokeClients } from './spoke.ts';
import type { SubnetsStep } from './steps.ts';
import type { HubLook, SubnetsLook } from './world.ts';

/**
 * Observes, plans and acts for the subnets of all VPCs that count, at the pace that AWS allows.
 * @param changer does the changes. It must not repeat a call by itself: what was refused is planned anew.
 * @param seal rejects where there is none: then nothing is done
 */
export const subnetsReconciler = (
  clients: Clients & { changer: EC2Client },
  config: HubConfig,
  seal: () => Promise<Seal>,
  now: () => number,
) => reconcilerOf<HubLook>(observe.bind(undefined, clients, config), clients.changer, config, seal, now);

/** The same where the load balancer is another account's. */
export const spokeReconciler = (
  clients: SpokeClients & { changer: EC2Client },
  config: SpokeConfig,
  seal: () => Promise<Seal>,
  now: () => number,
) => reconcilerOf<SubnetsLook>(observeSpoke(clients, config), clients.changer, config, seal, now);

function reconcilerOf<Look extends SubnetsLook>(
  observe: (seal: Seal, now: number, deletionAttempted?: string) => Promise<Look>,
  changer: EC2Client,
  config: SubnetsConfig,
  seal: () => Promise<Seal>,
  now: () => number,
) {
  const turns = createTurns(bucketOf, now);

  return {
    observe: async (hint?: Pick<Hint, 'deletionAttempted'>) => observe(await seal(), now(), hint?.deletionAttempted),

    plan(look: SubnetsLook) {
      const attempts = turns.attempts(look.now);
      const planned: Plan<SubnetsStep> = planVpcs(look, attempts, config);
      const [first] = look.vpcs;
      // That somebody tried to delete a subnet AWS tells once.
      const isToldOnce = (step: SubnetsStep) => step.kind === 'write-memory' && step.key === config.leavingKey;
      const keeping = { steps: planned.steps.filter(isToldOnce), conditions: [] };
      const kept = first?.paused ? paused(planned, first.paused, { ...config, vpcId: first.vpcId }, keeping) : planned;
      return turns.keep(kept, look.now, (levels) => lowered(levels, look));
    },

    sentence: stepSentence,

    act: (step: SubnetsStep) => turns.take(step, async () => act(changer, config, await seal(), step)),
  };
}

/** A new process knows nothing of what the one before it used up. The dates of its endpoints do. */
function lowered(levels: TokenLevels, { now, vpcs }: SubnetsLook): TokenLevels {
  const created = vpcs
    .flatMap(({ endpoints, gone }) => [...endpoints, ...gone])
    .map(({ createdAt }) => createdAt)
    .toSorted((a, b) => a - b);
  const seen = created.reduce((left, at) => spend(CREATES, left, at), new Map() as TokenLevels);
  return tokens(CREATES, seen, now) < tokens(CREATES, levels, now) ? new Map([...levels, ...seen]) : levels;
}
