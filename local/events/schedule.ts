const MINUTE = 60_000;
const units: Record<string, number> = { minute: MINUTE, hour: 60 * MINUTE, day: 24 * 60 * MINUTE };

/**
 * Milliseconds between two ticks of a schedule, `rate(1 minute)`. The unit is singular for one, plural for more:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
export function schedulePeriod(expression: string): number {
  if (expression.startsWith('cron(')) {
    throw new Error(`the local cloud keeps no calendar: write ${expression} as a rate`);
  }
  const [, digits = '', unit = '', plural] = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression) ?? [];
  const count = Number(digits);
  const length = units[unit];
  if (length === undefined || count < 1 || (count === 1) !== (plural === '')) {
    throw new Error(
      `Parameter ScheduleExpression is not valid: ${expression}. Write it as rate(1 minute) or rate(5 minutes)`,
    );
  }
  return count * length;
}
