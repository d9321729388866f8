import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { dollars } from '../../hosts/run/limits.ts';
import { taskId } from '../../servers/core/ids.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { askStop, endRun, findRun, isRunnerUp, listRuns } from '../../servers/tasks/runs_queries.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { onInterrupt } from '../interrupt.ts';
import { shown, table, when } from '../io.ts';

const SHOWN = 30;
const FOLLOW_MS = 500;

export function runs(program: Command): void {
  const group = program
    .command('runs')
    .description('runs of agents that a runner (`millwright up`, `millwright run`) starts and watches')
    .option('--follow', 'go on with each change until Ctrl-C')
    .action(
      handled<{ follow?: boolean }>((io, options) =>
        withFactory(options, async (services) => {
          if (options.follow) return follow(services, (run) => io.line(asShown(run), lineOf(run)));
          const { db } = services.store;
          const [found, isUp] = await Promise.all([
            listRuns(db, SHOWN),
            isRunnerUp(db, services.clock.now()),
          ]);
          const rows = found.map(rowOf);
          const none = found.length === 0 ? 'There was no run yet.' : table(HEADINGS, rows);
          const note = isUp ? '' : '\nNo runner is up; `millwright up` starts one.';
          return { value: { runner: isUp, runs: found.map(asShown) }, text: none + note };
        }),
      ),
    );
  group
    .command('show <id>')
    .description('one run: what it used, how it ended and what it said last')
    .action(
      handled((_io, options, id = '') =>
        withFactory(options, async ({ store }) => {
          const run = await runOf(store.db, id);
          const value = asShown(run);
          const lines = Object.entries(value).map(
            ([name, part]) => `${name.padEnd(10)} ${shown(String(part ?? '-'))}`,
          );
          return { value, text: lines.join('\n') };
        }),
      ),
    );
  group
    .command('stop <id>')
    .description('end one run; its task is given back')
    .action(
      handled((_io, options, id = '') =>
        withFactory(options, async (services) => {
          const run = await runOf(services.store.db, id);
          const isEnded = run.state === 'ended' || run.state === 'stopped';
          if (!isEnded) await stopRun(services, run);
          const text = isEnded
            ? `Run ${id} had ended already: ${run.outcome}.`
            : `Run ${id} is being stopped.`;
          return { value: { run: run.id, stopped: !isEnded }, text };
        }),
      ),
    );
}

/** A queued run ends here; a running one is ended by its runner within a second. */
async function stopRun({ store, clock }: Services, run: Run): Promise<void> {
  await store.transaction(async (tx) => {
    const [now, why] = [clock.now(), 'A person stopped it.'];
    if (!(await askStop(tx, run.id, why))) await endRun(tx, run.id, { outcome: 'stopped', said: why, now });
    const who = { session: 'server', agent: 'operator', role: 'operator' };
    await append(store, tx, { at: now, ...who, event: 'run.stop', subject: `run:${run.id}`, why });
  });
}

type Run = Row<'spawns'>;

async function runOf(db: Services['store']['db'], id: string): Promise<Run> {
  const run = /^[1-9]\d{0,11}$/.test(id) ? await findRun(db, Number(id)) : undefined;
  if (run) return run;
  throw new CommandError('ID', `There is no run "${shown(id)}".`, 'See `millwright runs`.', EXIT.usage);
}

/** Tells of each run whenever something about it is new, until the process is interrupted. */
async function follow({ store }: Services, tell: (run: Run) => void): Promise<number> {
  const last = new Map<number, string>();
  const over = new AbortController();
  onInterrupt(() => over.abort(), ['SIGINT', 'SIGTERM']);
  while (!over.signal.aborted) {
    for (const run of (await listRuns(store.db, SHOWN)).reverse()) {
      const line = JSON.stringify(asShown(run));
      if (last.get(run.id) !== line) tell(run);
      last.set(run.id, line);
    }
    await store.changed(FOLLOW_MS, over.signal);
    await sleep(FOLLOW_MS);
  }
  return EXIT.ok;
}

const HEADINGS = ['run', 'agent', 'task', 'state', 'host', 'turns', 'tokens', 'cost', 'said'];

const rowOf = (run: Run) => [
  String(run.id),
  run.agent,
  run.task === null ? '-' : taskId(run.task),
  run.outcome ?? run.state,
  [run.host, run.model].filter(Boolean).join(' ') || '-',
  String(run.turns),
  String(run.tokens),
  run.micros === null ? 'unknown' : dollars(run.micros),
  shown(run.said, 80),
];

/** One line about a run, for a list that grows. */
const lineOf = (run: Run) => `run ${rowOf(run).join('  ')}`;

const asShown = (run: Run) => ({
  run: run.id,
  agent: run.agent,
  role: run.role,
  task: run.task === null ? null : taskId(run.task),
  state: run.state,
  outcome: run.outcome,
  host: run.host,
  model: run.model,
  turns: run.turns,
  tokens: run.tokens,
  micros: run.micros,
  requested: when(run.requested_at),
  started: run.taken_at === null ? null : when(run.taken_at),
  event: run.event_at === null ? null : when(run.event_at),
  ended: run.ended_at === null ? null : when(run.ended_at),
  said: run.said,
});
