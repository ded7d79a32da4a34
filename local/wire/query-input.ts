import type { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from './errors.ts';
import { isRequired } from './schema.ts';

/** The two query protocols differ in names and in how lists are counted. */
export interface QueryDialect {
  /** Name of a structure's member among the parameters. */
  memberName(name: string, traits: Traits): string;
  /** `SubnetId.1` (flat) or `Subnets.member.1`. */
  flatLists: boolean;
}
type Traits = ReturnType<NormalizedSchema['getMergedTraits']>;

/** `a.b.1=x` as a tree: a node's own value, and what stands below it. */
interface Node {
  value?: string;
  children: Map<string, Node>;
}

/**
 * Reads the input of an operation from its form parameters.
 * @throws AwsError `MissingParameter`, `UnknownParameter`, `InvalidParameterValue`
 */
export function readQuery(schema: NormalizedSchema, form: URLSearchParams, dialect: QueryDialect): unknown {
  const root: Node = { children: new Map() };
  for (const [key, value] of form) {
    if (key === 'Action' || key === 'Version') continue;
    let node = root;
    for (const part of key.split('.')) {
      const child: Node = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, child);
      node = child;
    }
    node.value = value;
  }
  return read(schema, root, '');

  function read(ns: NormalizedSchema, node: Node, path: string): unknown {
    if (ns.isUnitSchema()) return struct(undefined, node, path);
    if (ns.isStructSchema()) return struct(ns, node, path);
    if (ns.isListSchema()) return list(ns, node, path);
    if (ns.isMapSchema()) return map(ns, node, path);
    for (const child of node.children.keys()) throw unknown(join(path, child));
    return scalar(ns, node.value ?? '', path);
  }

  function struct(ns: NormalizedSchema | undefined, node: Node, path: string): object {
    if (node.value) throw unknown(path);
    const left = new Set(node.children.keys());
    const entries: [string, unknown][] = [];
    for (const [name, member] of ns?.structIterator() ?? []) {
      const key = dialect.memberName(name, member.getMergedTraits());
      const child = node.children.get(key);
      left.delete(key);
      if (child) entries.push([name, read(member, child, join(path, key))]);
      else if (ns && isRequired(ns, name))
        throw new AwsError('MissingParameter', `The request must contain the parameter ${join(path, key)}`);
    }
    for (const key of left) throw unknown(join(path, key));
    return Object.fromEntries(entries);
  }

  function list(ns: NormalizedSchema, node: Node, path: string): unknown[] {
    const item = ns.getValueSchema();
    const flat = dialect.flatLists || Boolean(ns.getMergedTraits().xmlFlattened);
    return numbered(node, flat ? undefined : (item.getMergedTraits().xmlName ?? 'member'), path).map(([child, at]) =>
      read(item, child, at),
    );
  }

  function map(ns: NormalizedSchema, node: Node, path: string): object {
    const flat = Boolean(ns.getMergedTraits().xmlFlattened);
    const keyName = ns.getKeySchema().getMergedTraits().xmlName ?? 'key';
    const valueName = ns.getValueSchema().getMergedTraits().xmlName ?? 'value';
    return Object.fromEntries(
      numbered(node, flat ? undefined : 'entry', path).map(([entry, at]) => {
        const key = entry.children.get(keyName)?.value;
        const value = entry.children.get(valueName);
        if (key === undefined || !value)
          throw new AwsError('MissingParameter', `The request must contain the parameter ${at}`);
        return [key, read(ns.getValueSchema(), value, join(at, valueName))];
      }),
    );
  }
}

/** Children 1, 2, 3 ... of a node in order of number, or of its only child `wrapper`. A bare empty value is the empty list. */
function numbered(node: Node, wrapper: string | undefined, path: string): [Node, string][] {
  if (node.value) throw unknown(path);
  if (wrapper !== undefined) {
    for (const key of node.children.keys()) if (key !== wrapper) throw unknown(join(path, key));
    const inner = node.children.get(wrapper);
    return inner ? numbered(inner, undefined, join(path, wrapper)) : [];
  }
  return [...node.children]
    .map(([key, child]): [number, Node, string] => {
      if (!/^\d+$/.test(key)) throw unknown(join(path, key));
      return [Number(key), child, join(path, key)];
    })
    .sort(([a], [b]) => a - b)
    .map(([, child, at]) => [child, at]);
}

function scalar(ns: NormalizedSchema, text: string, path: string): unknown {
  if (ns.isBooleanSchema()) {
    if (text === 'true') return true;
    if (text === 'false') return false;
    throw invalid(text, path);
  }
  if (ns.isNumericSchema()) {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) throw invalid(text, path);
    return value;
  }
  if (ns.isTimestampSchema()) {
    const value = new Date(text);
    if (Number.isNaN(value.getTime())) throw invalid(text, path);
    return value;
  }
  if (ns.isBlobSchema()) return new Uint8Array(Buffer.from(text, 'base64'));
  return text;
}

const join = (path: string, key: string) => (path ? `${path}.${key}` : key);
const unknown = (path: string) => new AwsError('UnknownParameter', `The parameter ${path} is not recognized`);
const invalid = (text: string, path: string) =>
  new AwsError('InvalidParameterValue', `Value (${text}) for parameter ${path} is invalid.`);
