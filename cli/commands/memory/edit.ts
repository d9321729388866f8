import type { Command } from 'commander';
import { execa } from 'execa';
import { memoryId } from '../../../servers/core/ids.ts';
import { memoryFile, syncMemory } from '../../../servers/memory/render.ts';
import { refuseUnknownAgent } from '../../agents.ts';
import { withFactory } from '../../factories.ts';
import { CommandError, EXIT } from '../../failures.ts';
import { handled } from '../../handled.ts';
import { shown } from '../../io.ts';

const SAYS = { added: 'new', changed: 'changed', ended: 'removed', conflicts: 'in conflict' } as const;

export function edit(memory: Command): void {
  memory
    .command('edit <agent>')
    .description("open an agent's MEMORY.md in $EDITOR, then take in what changed")
    .action(
      handled((io, options, agent = '') =>
        withFactory(options, async (services) => {
          await refuseUnknownAgent(services, agent);
          await syncMemory(services, agent);
          const file = memoryFile(services.paths, agent);
          await openEditor(file);
          io.progress('Reading back.');
          const taken = await syncMemory(services, agent);
          const ids = Object.fromEntries(Object.entries(taken).map(([what, of]) => [what, of.map(memoryId)]));
          const lines = Object.entries(SAYS)
            .filter(([what]) => (ids[what]?.length ?? 0) > 0)
            .map(([what, says]) => `${says}: ${ids[what]?.join(', ')}`);
          return {
            value: { agent, file, ...ids },
            text: lines.length === 0 ? 'Nothing changed.' : lines.join('\n'),
          };
        }),
      ),
    );
}

/** $VISUAL or $EDITOR may carry arguments; no shell reads them. */
async function openEditor(file: string): Promise<void> {
  const [program, ...args] = (process.env.VISUAL || process.env.EDITOR || 'vi').split(' ').filter(Boolean);
  const result = await execa(program ?? 'vi', [...args, file], { stdio: 'inherit', reject: false });
  if (result.exitCode === 0) return;
  const why = result.exitCode === undefined ? 'could not be started' : `ended with ${result.exitCode}`;
  throw new CommandError(
    'EDITOR',
    `${shown(program ?? 'vi', 80)} ${why}; what it saved is taken in with the next command.`,
    'Set $EDITOR to an editor that waits, for example "code --wait".',
    EXIT.failed,
  );
}
