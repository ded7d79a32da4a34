import { holds, NO_VALUE, type Reference, references, type Scope } from './intrinsics.ts';
import type { ResourceDeclaration, Template } from './template.ts';

export interface StackPlace {
  name: string;
  region: string;
  account: string;
  /** ARN of the stack. */
  id?: string | undefined;
  zones: readonly string[];
}

/** Resources that are to be made, in an order in which each has what it needs; and what their names mean before that. */
export interface StackPlan {
  resources: { logicalId: string; declaration: ResourceDeclaration; needs: string[] }[];
  outputs: { name: string; value: unknown }[];
  /** Parameters, pseudo parameters, conditions and zones. Of resources it knows nothing. */
  scope: Scope;
}

/** Attributes of a resource type that `Fn::GetAtt` can have, or undefined if the type is not supported. */
export type AttributesOf = (type: string) => readonly string[] | undefined;

/**
 * A template is checked as a whole, and its resources are put in order.
 * @throws Error that names all types that are not supported, or the first name, attribute, parameter or cycle that is wrong
 */
export function planStack(
  template: Template,
  parameters: Record<string, string>,
  place: StackPlace,
  attributesOf: AttributesOf,
): StackPlan {
  const scope = beforehand(template, parameters, place);
  const taken = ({ Condition }: { Condition?: string | undefined }) =>
    Condition === undefined || scope.condition(Condition);
  const resources = new Map(Object.entries(template.Resources).filter(([, declaration]) => taken(declaration)));
  const outputs = Object.entries(template.Outputs).filter(([, output]) => taken(output));

  const unsupported = new Set([...resources.values()].map(({ Type }) => Type).filter((type) => !attributesOf(type)));
  if (unsupported.size > 0) throw new Error(`the local cloud does not support ${[...unsupported].join(', ')}`);

  function check({ name, attribute }: Reference): void {
    const declaration = resources.get(name);
    if (attribute === undefined) {
      if (!declaration) scope.ref(name);
    } else if (!declaration) {
      throw new Error(`there is no resource ${name}`);
    } else if (!attributesOf(declaration.Type)?.includes(attribute)) {
      throw new Error(`${name}, of type ${declaration.Type}, has no attribute ${attribute}`);
    }
  }

  const needs = new Map<string, string[]>();
  for (const [logicalId, { Properties, DependsOn }] of resources) {
    within(`Resources.${logicalId}`, () => {
      const found = [...references(Properties, scope), ...DependsOn.map((name) => ({ name }))];
      found.forEach(check);
      needs.set(
        logicalId,
        found.map(({ name }) => name).filter((name) => resources.has(name)),
      );
    });
  }
  for (const [name, { Value }] of outputs) within(`Outputs.${name}`, () => references(Value, scope).forEach(check));

  return {
    resources: inOrder(needs).flatMap((logicalId) => {
      const declaration = resources.get(logicalId);
      return declaration ? [{ logicalId, declaration, needs: needs.get(logicalId) ?? [] }] : [];
    }),
    outputs: outputs.map(([name, { Value }]) => ({ name, value: Value })),
    scope,
  };
}

function beforehand(
  { Parameters, Rules, Conditions }: Template,
  given: Record<string, string>,
  place: StackPlace,
): Scope {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(Parameters, name));
  if (unknown.length > 0) throw new Error(`the template has no parameter ${unknown.join(', ')}`);

  const values = new Map<string, unknown>([
    ['AWS::AccountId', place.account],
    ['AWS::NoValue', NO_VALUE],
    ['AWS::Partition', 'aws'],
    ['AWS::Region', place.region],
    ['AWS::StackName', place.name],
    ...(place.id === undefined ? [] : [['AWS::StackId', place.id] as const]),
    ['AWS::URLSuffix', 'amazonaws.com'],
  ]);
  for (const [name, declaration] of Object.entries(Parameters))
    values.set(name, parameterValue(name, declaration, given[name]));

  const evaluating: string[] = [];
  const scope: Scope = {
    zones: place.zones,
    ref(name) {
      if (!values.has(name)) throw new Error(`there is no parameter or resource ${name}`);
      return values.get(name);
    },
    getAtt(logicalId) {
      throw new Error(`the attributes of ${logicalId} are not known before it is made`);
    },
    condition(name) {
      if (!Object.hasOwn(Conditions, name)) throw new Error(`there is no condition ${name}`);
      if (evaluating.includes(name))
        throw new Error(`conditions go in a circle: ${[...evaluating, name].join(' -> ')}`);
      evaluating.push(name);
      try {
        return holds(Conditions[name], scope);
      } finally {
        evaluating.pop();
      }
    },
  };
  for (const [name, { Assertions }] of Object.entries(Rules)) {
    const broken = Assertions.find(({ Assert }) => !within(`Rules.${name}`, () => holds(Assert, scope)));
    if (broken) throw new Error(`rule ${name} is broken: ${broken.AssertDescription}`);
  }
  for (const name of Object.keys(Conditions)) within(`Conditions.${name}`, () => scope.condition(name));
  return scope;
}

function parameterValue(name: string, declaration: Template['Parameters'][string], given: string | undefined): unknown {
  const {
    Type,
    Default,
    AllowedValues,
    AllowedPattern,
    ConstraintDescription,
    MinValue = -Infinity,
    MaxValue = Infinity,
    MaxLength,
  } = declaration;
  const value = given ?? (Default === undefined ? undefined : String(Default));
  if (value === undefined) throw new Error(`parameter ${name} must have a value`);
  const says = ConstraintDescription && `failed to satisfy constraint: ${ConstraintDescription}`;
  if (AllowedValues && !AllowedValues.map(String).includes(value))
    throw new Error(`parameter ${name} ${says ?? `must be one of ${AllowedValues.join(', ')}, not ${value}`}`);
  if (AllowedPattern && !new RegExp(`^(?:${AllowedPattern})$`, 'u').test(value))
    throw new Error(`parameter ${name} ${says ?? `must match ${AllowedPattern}, not ${value}`}`);
  if (Type === 'Number' && !Number.isFinite(Number(value)))
    throw new Error(`parameter ${name} must be a number, not ${value}`);
  if (Type === 'Number' && (Number(value) < MinValue || Number(value) > MaxValue))
    throw new Error(`parameter ${name} must be from ${MinValue} to ${MaxValue}, not ${value}`);
  if (MaxLength !== undefined && value.length > MaxLength)
    throw new Error(`parameter ${name} must have at most ${MaxLength} characters, not ${value.length}`);
  return Type.startsWith('List<') || Type === 'CommaDelimitedList' ? value.split(',').map((one) => one.trim()) : value;
}

/** Depth first, so that each comes after what it needs and otherwise where the template has it. */
function inOrder(needs: ReadonlyMap<string, string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  function visit(name: string): void {
    if (done.has(name)) return;
    if (path.includes(name)) {
      throw new Error(
        `resources depend on each other in a circle: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`,
      );
    }
    path.push(name);
    needs.get(name)?.forEach(visit);
    path.pop();
    done.add(name);
  }
  for (const name of needs.keys()) visit(name);
  return [...done];
}

/** Says in its errors where in the template they are. */
export function within<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${place}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
