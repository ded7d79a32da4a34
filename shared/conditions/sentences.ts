import { minuteOf } from '../sentences.ts';
import { COMMON } from './common.ts';
import { type Condition, isWaiting, type Obstacle, type Reason } from './condition.ts';
import { ROUTERS } from './routers.ts';
import { SUBNETS } from './subnets.ts';
import { type Table, textIn, wordsIn } from './words.ts';

const TABLE: Table = { ...COMMON, ...SUBNETS, ...ROUTERS };

/** A reason, without what it is about: what is waited for, or what is wrong and what to do. */
export const reasonText = (reason: Reason) => textIn(TABLE, reason);

const verb = ({ kind }: Pick<Condition, 'kind'>) => (isWaiting({ kind }) ? 'waits for ' : '');

/** A condition for people who know what it is about. @param since its time, as they are to read it */
export function sentence(condition: Obstacle, since?: string): string {
  const { says, by, todo } = wordsIn(TABLE, condition.reason);
  return `${verb(condition)}${says}${since === undefined ? '' : `, since ${since}`}${by}${todo}`;
}

/** The same, and apart from it what a person can do about it; empty if there is nothing. */
export function advised(condition: Obstacle): { says: string; todo: string } {
  const { says, todo } = wordsIn(TABLE, condition.reason);
  return { says: `${verb(condition)}${says}`, todo };
}

/** A condition, and since when, where AWS remembers. Things that are alike but for that are told one by one then. */
export const lasting = (condition: Obstacle) =>
  sentence(condition, condition.since === undefined ? undefined : minuteOf(condition.since));

/** A condition for people who do not. @param since its time, as they are to read it */
export const aboutIt = (condition: Condition, since?: string) =>
  `${condition.about.label}${isWaiting(condition) ? ' ' : ': '}${sentence(condition, since)}`;

/** Why a subnet or router is not as it should be: its conditions, and in words what is none. */
export type Why = readonly (Condition | string)[];

export interface Explained {
  causes: Why;
  /** The same in sentences. */
  why: string[];
}

export const explained = (causes: Why): Explained => ({ causes, why: whyTexts(causes) });

/**
 * Those conditions first that a person has to see to; if there are none, the next steps.
 * @param deed a step for people who know what it is about
 */
export function whyOf<S>(conditions: readonly Condition[], next: readonly S[], deed: (step: S) => string): Why {
  const all = [...conditions.filter((each) => !isWaiting(each)), ...conditions.filter(isWaiting)];
  return all.length > 0 ? all : next.map((step) => `next: ${deed(step)}`);
}

export type Tell = (condition: Condition) => string;

/** Two CIDRs of a subnet may wait for the same: that is told once. */
export const whyTexts = (why: Why, tell: Tell = (condition) => sentence(condition)) => [
  ...new Set(why.map((each) => (typeof each === 'string' ? each : tell(each)))),
];
