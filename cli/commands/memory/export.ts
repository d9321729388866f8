import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { exportedLines } from '../../../servers/memory/search/export.ts';
import { refuseUnknownAgent } from '../../agents.ts';
import { withFactory } from '../../factories.ts';
import { handled } from '../../handled.ts';
import { shown } from '../../io.ts';

export function exportFile(memory: Command): void {
  memory
    .command('export <file>')
    .description('every entry, one a line as JSON, as `memory import` takes it; - for standard output')
    .option('--agent <name>', 'only of this agent')
    .action(
      handled<{ agent?: string }>((_io, { agent, ...options }, file = '') =>
        withFactory(options, async (services) => {
          if (agent !== undefined) await refuseUnknownAgent(services, agent);
          const lines = Readable.from(exportedLines(services.store.db, agent));
          if (file === '-') {
            await pipeline(lines, process.stdout, { end: false });
            return 0;
          }
          const path = resolve(file);
          const entries = await writeWhole(lines, path);
          return { value: { file: path, entries }, text: `${entries} entries in ${shown(path)}` };
        }),
      ),
    );
}

/** The file is there whole or not at all, for its owner's eyes: private entries are in it. Gives how many lines. */
async function writeWhole(lines: Readable, path: string): Promise<number> {
  const partial = `${path}.${process.pid}.partial`;
  let count = 0;
  try {
    await pipeline(
      lines,
      async function* counted(from: AsyncIterable<string>) {
        for await (const line of from) {
          count += 1;
          yield line;
        }
      },
      createWriteStream(partial, { mode: 0o600, flags: 'wx', flush: true }),
    );
    await rename(partial, path);
    return count;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
