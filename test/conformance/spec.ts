import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export type Revision = '2025-11-25' | '2026-07-28';

/** Says what the schema of a revision has against a value being of one of its types; nothing when it is one. */
export function specOf(revision: Revision): (type: string, value: unknown) => string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(
    JSON.parse(readFileSync(new URL(`schema/${revision}.json`, import.meta.url), 'utf8')),
    'spec',
  );
  return (type, value) => {
    const validate = ajv.getSchema(`spec#/$defs/${type}`);
    if (!validate) throw new Error(`${revision} has no type ${type}.`);
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${type}${instancePath} ${message}`);
  };
}
