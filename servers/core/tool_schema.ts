import * as z from 'zod';

type Node = Record<string, unknown>;

/** The whole JSON schema of a tool's input, with every bound that the server checks. */
export function inputSchemaOf(input: z.ZodObject): Node {
  const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input' });
  return schema;
}

/** Every agent pays for these in each session; the server checks them, and its refusal says which one was broken. */
const CHECKED_HERE: ReadonlySet<string> = new Set([
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
]);

/** What a model needs of an input schema to fill a call in: names, types, choices, defaults and descriptions. */
export function schemaForHost(schema: Node): Node {
  const kept = Object.entries(schema).filter(
    ([key, value]) => !CHECKED_HERE.has(key) && !(key === 'additionalProperties' && value === false),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, trimmed(key, value)]));
}

function trimmed(key: string, value: unknown): unknown {
  if (key === 'properties')
    return Object.fromEntries(
      Object.entries(value as Node).map(([name, node]) => [name, schemaForHost(node as Node)]),
    );
  if (Array.isArray(value) && /^(any|all|one)Of$/.test(key)) return value.map(schemaForHost);
  return key === 'items' || (key === 'additionalProperties' && typeof value === 'object')
    ? schemaForHost(value as Node)
    : value;
}
