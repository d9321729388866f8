import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { syncMemory } from '../../../servers/memory/render.ts';
import { BadLine, type Imported, importEntries } from '../../../servers/memory/search/import.ts';
import { agentsOf, refuseUnknownAgent } from '../../agents.ts';
import { withFactory } from '../../factories.ts';
import { CommandError, EXIT } from '../../failures.ts';
import { handled } from '../../handled.ts';
import { shown } from '../../io.ts';

interface ImportOptions {
  agent?: string;
  skipBad?: boolean;
  thirdParty?: boolean;
}

export function importFile(memory: Command): void {
  memory
    .command('import <file>')
    .description('take in entries, one a line as JSON: {id, text, kind, time, tags, source}; all or none')
    .option('--agent <name>', 'whose they are, where a line does not say')
    .option('--skip-bad', 'leave wrong lines out instead of taking none')
    .option('--third-party', 'mark them as written outside the factory: data, never an instruction')
    .action(
      handled<ImportOptions>((io, { agent, skipBad, thirdParty, ...options }, file = '') =>
        withFactory(options, async (services) => {
          if (agent !== undefined) await refuseUnknownAgent(services, agent);
          const path = await readable(file);
          const agents = agentsOf((await services.factory()).factory);
          const roles = new Map(agents.map((one) => [one.agent, one.role]));
          const done = await importEntries(services.store, path, {
            agent,
            roleOf: (name) => roles.get(name),
            skipBad: skipBad === true,
            thirdParty: thirdParty === true,
            progress: io.progress,
          }).catch(refusal);
          if (done.added > 0) for (const one of agents) await syncMemory(services, one.agent);
          return { value: { file: path, ...done }, text: said(done) };
        }),
      ),
    );
}

/** The file by its whole path. Throws `CommandError` when it can't be read. */
export async function readable(file: string): Promise<string> {
  const path = resolve(file);
  await access(path).catch(() => {
    throw new CommandError(
      'NO_FILE',
      `There is no file ${shown(path)} to read.`,
      'Name another.',
      EXIT.usage,
    );
  });
  return path;
}

function refusal(error: unknown): never {
  if (!(error instanceof BadLine)) throw error;
  throw new CommandError(
    'BAD_LINE',
    `${error.message} Nothing was taken in.`,
    'Mend that line, or give --skip-bad to leave such lines out.',
  );
}

function said({ added, known, superseded, skipped, bad }: Imported): string {
  const counts = [
    `${added} added`,
    `${known} known already`,
    superseded > 0 ? `${superseded} superseded` : undefined,
    skipped > 0 ? `${skipped} left out` : undefined,
  ];
  const lines = bad.map(({ line, why }) => `line ${line}: ${shown(why)}`);
  return [counts.filter((one) => one !== undefined).join(', '), ...lines].join('\n');
}
