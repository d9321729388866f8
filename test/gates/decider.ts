import { once } from 'node:events';
import { type Decision, decide } from '../../servers/core/checkpoints.ts';
import { ToolError } from '../../servers/core/errors.ts';
import { openServices } from '../../servers/core/open.ts';

/** What a process that decides at the same moment as others is told. */
export interface Deciding {
  readonly home: string;
  readonly databaseUrl?: string | undefined;
  /** The store's time: the test's, not this machine's. */
  readonly now: number;
  readonly checkpoint: number;
  readonly decision: Decision;
  readonly signature: string;
}

const { home, databaseUrl, now, ...given } = JSON.parse(process.argv[2] ?? '{}') as Deciding;
const services = await openServices(home, { databaseUrl, clock: { now: () => now }, log: () => {} });
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const outcome = await decide(services, { ...given, human: 'ada' }).then(
  ({ state }) => state,
  (error) => (error instanceof ToolError ? error.rule : String(error)),
);
process.stdout.write(`${outcome}\n`, () => process.exit(0));
