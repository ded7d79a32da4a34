/** The names in a template stand for these while it is resolved. */
export interface Scope {
  /** A parameter, pseudo parameter or resource. */
  ref(name: string): unknown;
  getAtt(logicalId: string, attribute: string): unknown;
  condition(name: string): boolean;
  zones: readonly string[];
}

/** A part of a template that another resource, parameter or attribute is needed for. */
export interface Reference {
  name: string;
  attribute?: string;
}

/** Stands for a property that is not there: the value of `AWS::NoValue`. */
export const NO_VALUE = Symbol('AWS::NoValue');

const functions = new Map<string, (argument: unknown, scope: Scope) => unknown>(
  Object.entries({
    Ref: (name, scope) => scope.ref(text(name)),
    'Fn::GetAtt': (argument, scope) => scope.getAtt(...attribute(argument)),
    'Fn::Sub': (argument, scope) => {
      const [template, variables] = substitution(argument);
      return template.replace(PLACEHOLDER, (_placeholder, literal: string | undefined, name: string) => {
        if (literal !== undefined) return `\${${literal}}`;
        if (Object.hasOwn(variables, name)) return text(resolve(variables[name], scope));
        return text(resolve(name.includes('.') ? { 'Fn::GetAtt': name } : { Ref: name }, scope));
      });
    },
    'Fn::Join': (argument, scope) => {
      const [separator, values] = pair(argument);
      return list(resolve(values, scope)).map(text).join(text(separator));
    },
    'Fn::Select': (argument, scope) => {
      const [index, values] = pair(argument);
      const all = list(resolve(values, scope));
      const at = Number(resolve(index, scope));
      if (all[at] === undefined) throw new Error(`there is no item ${at} in a list of ${all.length}`);
      return all[at];
    },
    'Fn::Split': (argument, scope) => {
      const [separator, value] = pair(argument);
      return text(resolve(value, scope)).split(text(separator));
    },
    // An empty region is the stack's own. The box has no other.
    'Fn::GetAZs': (_region, scope) => scope.zones,
    'Fn::Base64': (argument, scope) => Buffer.from(text(resolve(argument, scope))).toString('base64'),
    'Fn::If': (argument, scope) => resolve(branch(argument, scope), scope),
  }),
);

const conditions = new Map<string, (argument: unknown, scope: Scope) => boolean>(
  Object.entries({
    Condition: (name, scope) => scope.condition(text(name)),
    'Fn::Equals': (argument, scope) => {
      const [a, b] = pair(argument).map((value) => text(resolve(value, scope)));
      return a === b;
    },
    'Fn::Not': (argument, scope) => !list(argument).every((one) => holds(one, scope)),
    'Fn::And': (argument, scope) => list(argument).every((one) => holds(one, scope)),
    'Fn::Or': (argument, scope) => list(argument).some((one) => holds(one, scope)),
  }),
);

/** `${Name}`, `${Name.Attribute}`, or `${!Literal}` which stays as it is without the mark. */
const PLACEHOLDER = /\$\{(?:!([^}]*)|([A-Za-z0-9:.]+))\}/g;

/**
 * The value of a part of a template, with all its intrinsic functions resolved.
 * @throws Error if a function is unknown or wrongly used; what the scope throws
 */
export function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((one) => resolve(one, scope)).filter((one) => one !== NO_VALUE);
  if (!isMap(value)) return value;
  const call = intrinsic(value);
  if (call) return call.run(call.argument, scope);
  const fields = Object.entries(value).map(([name, one]): [string, unknown] => [name, resolve(one, scope)]);
  return Object.fromEntries(fields.filter(([, one]) => one !== NO_VALUE));
}

/** A condition of a template holds, or not. */
export function holds(value: unknown, scope: Scope): boolean {
  const [[name, argument] = [''], ...more] = isMap(value) ? Object.entries(value) : [];
  const condition = conditions.get(name);
  if (!condition || more.length > 0) throw new Error(`${JSON.stringify(value)} is not a condition`);
  return condition(argument, scope);
}

/** A part of a template refers to these, by the branches of `Fn::If` that are taken. */
export function references(value: unknown, scope: Scope): Reference[] {
  if (Array.isArray(value)) return value.flatMap((one) => references(one, scope));
  if (!isMap(value)) return [];
  const { name, argument } = intrinsic(value) ?? {};
  if (name === 'Ref') return [{ name: text(argument) }];
  if (name === 'Fn::GetAtt') return [toReference(attribute(argument).join('.'))];
  if (name === 'Fn::If') return references(branch(argument, scope), scope);
  if (name !== 'Fn::Sub') return Object.values(value).flatMap((one) => references(one, scope));
  const [template, variables] = substitution(argument);
  const named = [...template.matchAll(PLACEHOLDER)].flatMap(([, , placeholder]) => placeholder ?? []);
  const outer = named.filter((placeholder) => !Object.hasOwn(variables, placeholder));
  return [...outer.map(toReference), ...references(variables, scope)];
}

function toReference(dotted: string): Reference {
  const [name = '', ...rest] = dotted.split('.');
  return rest.length > 0 ? { name, attribute: rest.join('.') } : { name };
}

/** The function that an object calls, if it calls one. An IAM policy's `Condition` is an object, and is none. */
function intrinsic(value: Record<string, unknown>) {
  const [[name, argument] = [''], ...more] = Object.entries(value);
  const run = more.length === 0 ? functions.get(name) : undefined;
  if (run) return { name, argument, run };
  const unknown = Object.keys(value).find((key) => key === 'Ref' || key.startsWith('Fn::'));
  if (unknown === undefined) return undefined;
  throw new Error(
    more.length > 0 ? `${unknown} must stand alone` : `the local cloud does not know the function ${unknown}`,
  );
}

function branch(argument: unknown, scope: Scope): unknown {
  const [condition, whenTrue, whenFalse] = list(argument, 3);
  return scope.condition(text(condition)) ? whenTrue : whenFalse;
}

function attribute(argument: unknown): [logicalId: string, attribute: string] {
  const [logicalId = '', ...rest] = (Array.isArray(argument) ? argument : [argument]).map(text).join('.').split('.');
  if (rest.length === 0) throw new Error(`Fn::GetAtt of ${logicalId} names no attribute`);
  return [logicalId, rest.join('.')];
}

function substitution(argument: unknown): [template: string, variables: Record<string, unknown>] {
  if (!Array.isArray(argument)) return [text(argument), {}];
  const [template, variables] = pair(argument);
  if (!isMap(variables)) throw new Error('the second part of Fn::Sub must be an object');
  return [text(template), variables];
}

const pair = (value: unknown) => list(value, 2);

function list(value: unknown, length?: number): unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
    throw new Error(`${JSON.stringify(value)} must be a list${length === undefined ? '' : ` of ${length}`}`);
  }
  return value;
}

function text(value: unknown): string {
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value);
  throw new Error(`${JSON.stringify(value)} must be a text`);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
