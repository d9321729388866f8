import type { Command } from 'commander';
import { dollars } from '../../hosts/run/limits.ts';
import { HOST_KINDS } from '../../servers/core/factory/runs.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { onInterrupt } from '../interrupt.ts';
import { shown } from '../io.ts';
import { selfTest } from '../line/selftest.ts';

interface Options {
  host: string;
  command?: string;
  model?: string;
}

export function selftest(program: Command): void {
  program
    .command('selftest')
    .description(
      'try a host with your own account on two small tasks; costs tokens, and leaves nothing behind',
    )
    .requiredOption('--host <kind>', HOST_KINDS.join(' or '))
    .option('--command <path>', 'the program, when it is not on the PATH under its own name')
    .option('--model <name>', 'which model; else the default of the host')
    .action(
      handled<Options>(async (io, { host, command, model }) => {
        const kind = HOST_KINDS.find((one) => one === host);
        if (!kind)
          throw new CommandError(
            'HOST',
            `There is no host "${shown(host)}".`,
            `Name one of ${HOST_KINDS.join(', ')}.`,
            EXIT.usage,
          );
        const stop = new AbortController();
        onInterrupt(() => stop.abort(), ['SIGINT', 'SIGTERM']);
        const found = await selfTest(
          { host: { kind, command, passes: [], prices: {} }, model },
          io,
          stop.signal,
        );
        const refused = Object.entries(found.refusedCalls);
        const isGood = found.completed === found.runs && found.lostLeases === 0;
        const text = [
          `runs                              ${found.runs}`,
          `handed in with task_complete      ${found.completed}`,
          `ended without task_complete       ${found.withoutTaskComplete}`,
          `lost leases                       ${found.lostLeases}`,
          `refused calls                     ${refused.map(([rule, count]) => `${rule} ${count}`).join(', ') || 'none'}`,
          `turns, tokens                     ${found.turns}, ${found.tokens}`,
          `cost                              ${found.micros === null ? 'unknown' : dollars(found.micros)}`,
          ...found.others.map((line) => shown(line, 300)),
        ].join('\n');
        return { value: { host: kind, ...found }, text, exit: isGood ? EXIT.ok : EXIT.failed };
      }),
    );
}
