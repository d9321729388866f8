import type { Schema } from './fleet.ts';

/** Arguments a schema accepts: only what is required, the smallest there is. */
export function sample(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [choice] = schema.anyOf ?? schema.oneOf ?? [];
  if (choice) return sample(choice);
  if (schema.type === 'object') return sampleObject(schema);
  if (schema.type === 'array') return schema.items ? [sample(schema.items)] : [];
  if (schema.type === 'boolean') return false;
  if (schema.type === 'integer' || schema.type === 'number') return 1;
  return sampleText(schema.pattern);
}

function sampleObject({ properties = {}, required = [] }: Schema): Record<string, unknown> {
  return Object.fromEntries(required.map((key) => [key, sample(properties[key] ?? {})]));
}

function sampleText(pattern = ''): string {
  const id = /^\^([A-Z])-/.exec(pattern)?.[1];
  if (id) return `${id}-1`;
  const hex = /\[0-9a-f\]\{(\d+)\}/.exec(pattern)?.[1];
  if (hex) return '0'.repeat(Number(hex));
  return pattern ? 'sample' : 'A sample text.';
}

/** `given` with the value at `path` (as nodesOf writes it) replaced. */
export function withValue(
  schema: Schema,
  given: Record<string, unknown>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  const [first = '', ...rest] = path.split('.');
  const key = first.replace(/\[\]$/, '');
  const inner = schema.properties?.[key] ?? {};
  if (first.endsWith('[]')) return { ...given, [key]: [placed(inner.items ?? {}, rest, value)] };
  return { ...given, [key]: placed(inner, rest, value) };
}

function placed(schema: Schema, rest: string[], value: unknown): unknown {
  if (rest.length === 0) return value;
  const base = sample(schema) as Record<string, unknown>;
  if (rest[0] === '*') return { key: placed(schema.additionalProperties as Schema, rest.slice(1), value) };
  if (rest[0] === '<key>') return { [String(value)]: 'value' };
  return withValue(schema, base, rest.join('.'), value);
}
