import { join } from 'node:path';
import * as z from 'zod';
import { readState, replaceFile } from './files.ts';

const schema = z.record(
  z.string(),
  z.strictObject({ port: z.int().min(1).max(65_535), version: z.string().nullable() }),
);

/** What should be served, by product: its port for good, and the version, or null once retired. */
export type ActiveVersions = z.output<typeof schema>;

/** Reads what was last made active. Only the runtime writes it, after the version has answered. */
export async function readActive(dir: string): Promise<ActiveVersions> {
  const text = await readState(join(dir, 'active.json'));
  return text ? schema.parse(JSON.parse(text.toString())) : {};
}

export const writeActive = (dir: string, active: ActiveVersions) =>
  replaceFile(join(dir, 'active.json'), JSON.stringify(active));

/** Where a product answers on this machine. */
export const urlOf = (port: number) => `http://127.0.0.1:${port}`;
