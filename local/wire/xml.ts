import type { NormalizedSchema } from '@smithy/core/schema';

/** `value` as the XML of its schema's members, in the schema's order. Members that are undefined are left out. */
export function writeMembers(schema: NormalizedSchema, value: unknown): string {
  if (!schema.isStructSchema() || !isRecord(value)) return '';
  let xml = '';
  for (const [name, member] of schema.structIterator()) {
    const given = value[name];
    if (given !== undefined) xml += writeElement(member, given, String(member.getMemberTraits().xmlName ?? name));
  }
  return xml;
}

function writeElement(schema: NormalizedSchema, value: unknown, name: string): string {
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    const items = Array.isArray(value) ? value : [];
    if (schema.getMergedTraits().xmlFlattened) return items.map((each) => writeElement(item, each, name)).join('');
    const itemName = String(item.getMergedTraits().xmlName ?? 'member');
    return element(name, items.map((each) => writeElement(item, each, itemName)).join(''));
  }
  if (schema.isMapSchema()) {
    const keyName = String(schema.getKeySchema().getMergedTraits().xmlName ?? 'key');
    const valueName = String(schema.getValueSchema().getMergedTraits().xmlName ?? 'value');
    const entries = Object.entries(isRecord(value) ? value : {}).map(
      ([key, each]) => element(keyName, escapeXml(key)) + writeElement(schema.getValueSchema(), each, valueName),
    );
    if (schema.getMergedTraits().xmlFlattened) return entries.map((entry) => element(name, entry)).join('');
    return element(name, entries.map((entry) => element('entry', entry)).join(''));
  }
  if (schema.isStructSchema()) return element(name, writeMembers(schema, value));
  return element(name, escapeXml(scalarText(schema, value)));
}

function scalarText(schema: NormalizedSchema, value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (schema.isBlobSchema() && value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return String(value);
}

export const element = (name: string, content: string) => `<${name}>${content}</${name}>`;

/** Control characters are escaped too: a bare carriage return would be read back as a line feed. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\p{Cc}]/gu, (char) => `&#${char.charCodeAt(0)};`);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
