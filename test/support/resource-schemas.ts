import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import type { PropertyType, Resource, ResourceProperties } from '@aws-cdk/service-spec-types';
import type { Template } from '../../local/stack/template.ts';

const spec = loadAwsServiceSpecSync();

/**
 * AWS's own schemas of CloudFormation resources have these against a template: unknown types, properties and attributes,
 * missing properties, values of the wrong type. What an intrinsic function will give is not known, and passes.
 */
export function flaws({ Resources }: Template): string[] {
  return Object.entries(Resources).flatMap(([logicalId, { Type, Properties }]) => {
    const type = schemaOf(Type);
    if (!type) return [`${logicalId}: there is no type ${Type}`];
    const found = [...ofProperties(type.properties, Properties), ...unknownAttributes(Properties, Resources)];
    return found.map((flaw) => `${logicalId}: ${flaw}`);
  });
}

function schemaOf(type: string): Resource | undefined {
  return spec.lookup('resource', 'cloudFormationType', 'equals', type)[0];
}

function ofProperties(known: ResourceProperties, given: Record<string, unknown>, path = ''): string[] {
  const present = Object.entries(given).filter(([, value]) => !isNoValue(value));
  const names = new Set(present.map(([name]) => name));
  return [
    ...Object.keys(known)
      .filter((name) => known[name]?.required && !names.has(name))
      .map((name) => `${path}${name} is missing`),
    ...present.flatMap(([name, value]) => {
      const property = Object.hasOwn(known, name) ? known[name] : undefined;
      if (!property) return [`${path}${name} is not known`];
      return ofType(property.type, value, `${path}${name}`);
    }),
  ];
}

function ofType(type: PropertyType, value: unknown, path: string): string[] {
  if (isCall(value, 'Fn::If')) {
    const [, ...branches] = [value['Fn::If']].flat();
    return branches.filter((one) => !isNoValue(one)).flatMap((one) => ofType(type, one, path));
  }
  if (isIntrinsic(value)) return [];
  const wrong = [`${path} is not of type ${type.type}: ${JSON.stringify(value)}`];
  switch (type.type) {
    case 'ref':
      return isMap(value)
        ? ofProperties(spec.get('typeDefinition', type.reference).properties, value, `${path}.`)
        : wrong;
    case 'array':
      if (!Array.isArray(value)) return wrong;
      return value.filter((one) => !isNoValue(one)).flatMap((one, at) => ofType(type.element, one, `${path}[${at}]`));
    case 'map':
      if (!isMap(value)) return wrong;
      return Object.entries(value).flatMap(([key, one]) => ofType(type.element, one, `${path}.${key}`));
    case 'union': {
      const flawsOfEach = type.types.map((one) => ofType(one, value, path));
      return flawsOfEach.some((flawsOfOne) => flawsOfOne.length === 0) ? [] : (flawsOfEach[0] ?? []);
    }
    case 'tag':
      return isMap(value) && 'Key' in value && 'Value' in value ? [] : wrong;
    case 'json':
      return isMap(value) || typeof value === 'string' ? [] : wrong;
    // CloudFormation takes a number or a boolean for a text, and a text for a number or a boolean.
    case 'string':
    case 'date-time':
      return ['string', 'number', 'boolean'].includes(typeof value) ? [] : wrong;
    case 'integer':
      return /^-?\d+$/.test(String(value)) ? [] : wrong;
    case 'number':
      return String(value).trim() !== '' && Number.isFinite(Number(value)) ? [] : wrong;
    case 'boolean':
      return /^(true|false)$/.test(String(value)) ? [] : wrong;
    case 'null':
      return value === null ? [] : wrong;
  }
}

/** A value may have an `Fn::GetAtt` whose resource has no such attribute: these. */
function unknownAttributes(value: unknown, resources: Template['Resources']): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => unknownAttributes(one, resources));
  if (!isMap(value)) return [];
  const [logicalId = '', ...rest] = isCall(value, 'Fn::GetAtt')
    ? [value['Fn::GetAtt']].flat().join('.').split('.')
    : [];
  const attribute = rest.join('.');
  const type = resources[logicalId]?.Type;
  if (logicalId && !Object.hasOwn(schemaOf(type ?? '')?.attributes ?? {}, attribute))
    return [`${type ?? logicalId} has no attribute ${attribute}`];
  return Object.values(value).flatMap((one) => unknownAttributes(one, resources));
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCall = <Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> =>
  isMap(value) && Object.keys(value).length === 1 && name in value;
const isNoValue = (value: unknown) => isCall(value, 'Ref') && value.Ref === 'AWS::NoValue';
const isIntrinsic = (value: unknown) =>
  isMap(value) && Object.keys(value).length === 1 && /^(Ref|Fn::\w+)$/.test(Object.keys(value)[0] ?? '');
