import { parseArgs } from 'node:util';
import { EXIT } from '../../cli/failures.ts';

const HELP = `Usage: npm run test:load -- [--seconds N] [--sessions N] [--rate N] [--servers N] [--kill-every N] [--out FILE]

Sessions over HTTP wait for work, do it and hand it in, while others create tasks at an even rate. One server works
on SQLite; several share one PostgreSQL, and with --kill-every one after the other is killed and started again.

  --seconds N     of load (600)
  --sessions N    that work, over all roles (200)
  --rate N        tasks a second (20)
  --servers N     (1)
  --kill-every N  seconds between two kills; 0 for none (0)
  --out FILE      also write the figures there, as JSON
  --flat [TASKS]  instead: the hot queries among 1,000 tasks and among TASKS (1000000)

Exit codes: 0 no error, no lost wake-up, nothing left undone or done twice, memory flat; 1 otherwise; 2 usage.`;

export interface Options {
  seconds: number;
  sessions: number;
  rate: number;
  servers: number;
  killEvery: number;
  out: string | undefined;
}

/** What the command line asks for; prints the help and ends the process when it asks for that or is wrong. */
export function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '600' },
      sessions: { type: 'string', default: '200' },
      rate: { type: 'string', default: '20' },
      servers: { type: 'string', default: '1' },
      'kill-every': { type: 'string', default: '0' },
      out: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    process.exit(EXIT.ok);
  }
  const [seconds, sessions, rate, count, killEvery] = [
    values.seconds,
    values.sessions,
    values.rate,
    values.servers,
    values['kill-every'],
  ].map(Number);
  if (![seconds, sessions, rate, count].every((value) => (value ?? 0) > 0) || Number.isNaN(killEvery)) {
    process.stderr.write(`Give positive numbers.\n\n${HELP}\n`);
    process.exit(EXIT.usage);
  }
  return { seconds, sessions, rate, servers: count, killEvery, out: values.out } as Options;
}
