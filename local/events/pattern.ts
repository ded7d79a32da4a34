import { cidrTest } from './addresses.ts';
import { fieldsOf, fit, isObject, isScalar, type Scalar, type Wanted } from './fields.ts';

type Test = (value: Scalar) => boolean;
type Match = (value: unknown) => boolean;
/** A pattern wants this of each path. */
type Rule = ReadonlyMap<string, Wanted>;

/** The largest number, and below zero the smallest, that `numeric` compares. */
const NUMERIC_LIMIT = 5e9;

/**
 * An event pattern of EventBridge is compiled into a test of events.
 * The rules: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html, and where they are silent
 * https://github.com/aws/event-ruler, which EventBridge is made of.
 * @throws Error named `InvalidEventPatternException` that says where the pattern is wrong.
 */
export function compilePattern(pattern: unknown): Match {
  const rules = rulesOf(pattern, [], []).map((rule) => [...rule]);
  return (event) => {
    const fields = fieldsOf(event);
    return rules.some((rule) => fit(fields, rule));
  };
}

/**
 * The rules of which one must be fitted: several where there is `$or`.
 * @param at where the pattern stands, for who has it wrong
 * @param names that lead to what it is of: what is wanted in `$or` is wanted of what is around it
 */
function rulesOf(pattern: unknown, at: string[], names: string[]): Rule[] {
  if (!isObject(pattern)) return refuse(at, 'must be an object or an array');
  const fields = Object.entries(pattern);
  if (fields.length === 0) return refuse(at, 'empty objects are not allowed');
  return fields.reduce<Rule[]>(
    (rules, [name, wanted]) => {
      const more =
        name === '$or'
          ? alternatives(wanted, [...at, name], names)
          : rulesOfField(wanted, [...at, name], [...names, name]);
      // Of what is wanted twice of one path, the last is.
      return rules.flatMap((rule) => more.map((one) => new Map([...rule, ...one])));
    },
    [new Map()],
  );
}

const rulesOfField = (wanted: unknown, at: string[], names: string[]): Rule[] =>
  Array.isArray(wanted) ? [new Map([[names.join('.'), leaf(wanted, at)]])] : rulesOf(wanted, at, names);

function alternatives(all: unknown, at: string[], names: string[]): Rule[] {
  if (!Array.isArray(all) || all.length < 2) return refuse(at, 'must be a list of at least two patterns');
  return all.flatMap((one, index) => rulesOf(one, [...at, `${index}`], names));
}

function leaf(wanted: unknown[], path: string[]): Wanted {
  if (wanted.length === 0) return refuse(path, 'empty arrays are not allowed');
  const all = wanted.map((one) => matchValue(one, path));
  return {
    matches: (value) => all.some(({ matches }) => matches(value)),
    absent: all.some(({ absent }) => absent),
  };
}

function matchValue(wanted: unknown, path: string[]): Wanted {
  if (isScalar(wanted)) return { matches: (value) => value === wanted, absent: false };
  const [operator, argument] = theOnlyField(wanted, path);
  if (operator === 'exists') {
    if (typeof argument !== 'boolean') return refuse(path, 'exists must be true or false');
    return { matches: () => argument, absent: !argument };
  }
  const compile = operators.get(operator);
  if (!compile) return refuse(path, `unrecognized match type ${operator}`);
  return { matches: compile(argument, path), absent: false };
}

const operators = new Map<string, (argument: unknown, path: string[]) => Test>(
  Object.entries({
    prefix: (argument, path) => textTest(argument, path, (text, prefix) => text.startsWith(prefix)),
    suffix: (argument, path) => textTest(argument, path, (text, suffix) => text.endsWith(suffix)),
    'equals-ignore-case': (argument, path) => {
      const wanted = asText(argument, path).toLowerCase();
      return (value) => typeof value === 'string' && value.toLowerCase() === wanted;
    },
    wildcard: (argument, path) => {
      const expression = wildcardExpression(asText(argument, path), path);
      return (value) => typeof value === 'string' && expression.test(value);
    },
    numeric: numericTest,
    cidr: (argument, path) => cidrTest(asText(argument, path)) ?? refuse(path, `malformed CIDR ${argument}`),
    'anything-but': anythingBut,
  }),
);

/** A prefix or suffix: a string, or `{ "equals-ignore-case": string }`. */
function textTest(argument: unknown, path: string[], matches: (text: string, affix: string) => boolean): Test {
  if (typeof argument === 'string') return (value) => typeof value === 'string' && matches(value, argument);
  const [operator, text] = theOnlyField(argument, path);
  if (operator !== 'equals-ignore-case') return refuse(path, `${operator} cannot stand inside a prefix or suffix`);
  const affix = asText(text, path).toLowerCase();
  return (value) => typeof value === 'string' && matches(value.toLowerCase(), affix);
}

function anythingBut(argument: unknown, path: string[]): Test {
  if (!isObject(argument)) {
    const excluded = [argument].flat();
    const kinds = new Set(excluded.map((one) => typeof one));
    if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) {
      return refuse(path, 'anything-but takes a string, a number, or a list of one kind of them');
    }
    return (value) => !excluded.includes(value);
  }
  const [operator, texts] = theOnlyField(argument, path);
  const compile = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(operator) && operators.get(operator);
  if (!compile) return refuse(path, `unsupported anything-but pattern ${operator}`);
  const excluded = [texts].flat();
  if (excluded.length === 0) return refuse(path, 'empty arrays are not allowed');
  const tests = excluded.map((text) => compile(asText(text, path), path));
  return (value) => !tests.some((test) => test(value));
}

const comparisons = new Map<unknown, (a: number, b: number) => boolean>(
  Object.entries({
    '=': (a, b) => a === b,
    '<': (a, b) => a < b,
    '<=': (a, b) => a <= b,
    '>': (a, b) => a > b,
    '>=': (a, b) => a >= b,
  }),
);

/** One comparison, or a lower bound and then an upper one: `[">", 0, "<=", 5]`. */
function numericTest(argument: unknown, path: string[]): Test {
  if (!Array.isArray(argument) || (argument.length !== 2 && argument.length !== 4)) {
    return refuse(path, 'numeric takes one comparison, or a lower and an upper one');
  }
  const [first, low, second, high] = argument;
  if (argument.length === 4 && !(/^>=?$/.test(first) && /^<=?$/.test(second) && low < high)) {
    return refuse(path, 'a numeric range is a lower bound and then a greater upper bound');
  }
  const tests = [compare(first, low, path), ...(argument.length === 4 ? [compare(second, high, path)] : [])];
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
}

function compare(operator: unknown, bound: unknown, path: string[]): (value: number) => boolean {
  const holds = comparisons.get(operator);
  if (!holds) return refuse(path, `unrecognized numeric range operator ${JSON.stringify(operator)}`);
  if (typeof bound !== 'number' || Math.abs(bound) > NUMERIC_LIMIT) {
    return refuse(path, `a numeric bound is a number from -${NUMERIC_LIMIT} to ${NUMERIC_LIMIT}`);
  }
  return (value) => Math.abs(value) <= NUMERIC_LIMIT && holds(value, bound);
}

/** `*` stands for any characters; a backslash makes the `*` or backslash after it an ordinary one. */
function wildcardExpression(wildcard: string, path: string[]): RegExp {
  const tokens = wildcard.match(/\\[\s\S]?|\*+|[^*\\]+/g) ?? [];
  const source = tokens.map((token) => {
    if (token === '*') return '.*';
    if (token.startsWith('*')) return refuse(path, 'consecutive wildcard characters are not allowed');
    if (!token.startsWith('\\')) return literal(token);
    if (token === '\\*' || token === '\\\\') return token;
    return refuse(path, 'a backslash may stand only before * or another backslash');
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function theOnlyField(value: unknown, path: string[]): [name: string, argument: unknown] {
  const [field, ...more] = isObject(value) ? Object.entries(value) : [];
  return field && more.length === 0 ? field : refuse(path, 'a match is a value or an object with one match type');
}

function asText(value: unknown, path: string[]): string {
  return typeof value === 'string' ? value : refuse(path, `${JSON.stringify(value)} must be a string`);
}

function refuse(path: string[], reason: string): never {
  const place = path.length > 0 ? `"${path.join('.')}": ` : '';
  const error = new Error(`Event pattern is not valid. Reason: ${place}${reason}`);
  error.name = 'InvalidEventPatternException';
  throw error;
}
