import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { FactoryPaths } from './paths.ts';

const schema = z.strictObject({ users: z.array(z.string()).min(1).max(64), folder: z.string() });

export const separationFile = ({ home }: Pick<FactoryPaths, 'home'>) => join(home, 'separate.json');

/** What was set up, as it stands in the home; undefined when servers and agents share a user. */
export async function readSeparation(paths: Pick<FactoryPaths, 'home'>) {
  const text = await readFile(separationFile(paths), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}
