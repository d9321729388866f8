import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../../files.ts';
import { readState } from './files.ts';

const processSchema = { pid: z.int().positive(), start: z.string() };
const schema = z.strictObject({
  ...processSchema,
  socket: z.string(),
  workerd: z.array(z.strictObject(processSchema)),
});

/** What the runtime leaves for others to find it: who it is, its control socket, and its workerd processes. */
export type RuntimeInfo = z.output<typeof schema>;

/** The runtime's note about itself, or null. It may outlive the runtime: check that the process still runs. */
export async function readRuntimeInfo(dir: string): Promise<RuntimeInfo | null> {
  const text = await readState(infoPath(dir));
  return text && schema.parse(JSON.parse(text.toString()));
}

export const writeRuntimeInfo = (dir: string, info: RuntimeInfo) =>
  replaceFile(infoPath(dir), JSON.stringify(info));

export const removeRuntimeInfo = (dir: string) => rm(infoPath(dir), { force: true });

const infoPath = (dir: string) => join(dir, 'runtime.json');
