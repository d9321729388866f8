import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../../files.ts';
import { readState } from './files.ts';

const share = z.strictObject({ version: z.string(), percent: z.int().min(1).max(100) });
const port = z.int().min(1).max(65_535);

/** Before there were splits a product had one version or none. */
const withoutSplits = z
  .strictObject({ port, version: z.string().nullable() })
  .transform(({ port, version }) => ({ port, shares: version === null ? [] : [{ version, percent: 100 }] }));

const schema = z.record(
  z.string(),
  z.union([z.strictObject({ port, shares: z.array(share).max(2) }), withoutSplits]),
);

/** What should be served, by product: its port for good, and the split; no shares once it is retired. */
export type ActiveVersions = z.output<typeof schema>;

/** Reads the splits that were last in force. Only the runtime writes them, after the versions have answered. */
export async function readActive(dir: string): Promise<ActiveVersions> {
  const text = await readState(join(dir, 'active.json'));
  return text ? schema.parse(JSON.parse(text.toString())) : {};
}

export const writeActive = (dir: string, active: ActiveVersions) =>
  replaceFile(join(dir, 'active.json'), JSON.stringify(active));

/** Where a product answers on this machine. */
export const urlOf = (port: number) => `http://127.0.0.1:${port}`;
