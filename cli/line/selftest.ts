import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { applyFirstDefinition, readDefinition } from '../../servers/core/factory/create.ts';
import type { Choice } from '../../servers/core/factory/runs.ts';
import { createAuthority } from '../../servers/core/git/authority.ts';
import { serveHttp } from '../../servers/core/http.ts';
import { openServices } from '../../servers/core/open.ts';
import type { Services } from '../../servers/core/services.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { insertSpawn } from '../../servers/tasks/agents_queries.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { listRuns } from '../../servers/tasks/runs_queries.ts';
import type { Io } from '../io.ts';
import { openRunner } from '../runner.ts';

const LOOK_MS = 1000;
/** A person watches a self-test: its bounds are far below those of work. */
const LIMITS = { parallel: 1, run: { turns: 40, silence: 120, minutes: 10, tokens: 1_500_000 } };

const PRODUCT = [
  { path: 'README.md', content: '# Sums\n\n`add(a, b)` adds two numbers.\n' },
  {
    path: 'package.json',
    content: '{"name":"sums","type":"module","private":true,"scripts":{"test":"node --test"}}\n',
  },
  { path: 'src/add.js', content: 'export const add = (a, b) => a + b;\n' },
  {
    path: 'test/add.test.js',
    content:
      "import assert from 'node:assert';\nimport test from 'node:test';\nimport { add } from '../src/add.js';\n\ntest('adds', () => assert.equal(add(1, 2), 3));\n",
  },
];

const TASKS = [
  {
    title: 'Sums of three numbers',
    criteria: [
      '`add3(a, b, c)` in src/add3.js adds three numbers',
      'A test in test/ fails without it',
      'The change is submitted',
    ],
  },
  {
    title: 'Say what add does with text',
    criteria: [
      'README.md says what `add` gives for two strings, as the code has it',
      'The change is submitted',
    ],
  },
];

/** What hosts and models do wrong most often, counted over the runs of a self-test. */
export interface SelfTest {
  runs: number;
  /** Handed in with task_complete. */
  completed: number;
  /** Ended with words instead of task_complete. */
  withoutTaskComplete: number;
  /** Failed host or provider, a limit, or a refusal before the launch, with the words of each. */
  others: string[];
  lostLeases: number;
  /** By rule. */
  refusedCalls: Record<string, number>;
  turns: number;
  tokens: number;
  micros: number | null;
}

/** Has a host do two small tasks in a factory and a repository that exist only for this, and counts what happened. */
export async function selfTest(
  choice: Pick<Choice, 'host' | 'model'>,
  io: Io,
  signal: AbortSignal,
): Promise<SelfTest> {
  const home = await mkdtemp(join(tmpdir(), 'millwright-selftest-'));
  const fleet = await loadFleet();
  const services = await openServices(home, { jobs: fleet.jobs, sessionOpened: fleet.sessionOpened });
  try {
    await applyFirstDefinition(services, await definition(choice), 'rehearsal');
    await createAuthority(services.paths.git, { initial: PRODUCT, message: 'Start', at: new Date() });
    await queueTasks(services);
    const server = await serveHttp({ services, fleet: fleet.tools });
    const runner = await openRunner(services, fleet.tools, server.url, io);
    try {
      await untilEnded(services, io, signal);
    } finally {
      await runner.stop('The self-test ended.');
      await server.close();
    }
    return await counted(services);
  } finally {
    await services.close();
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function definition({ host, model }: Pick<Choice, 'host' | 'model'>) {
  const shipped = await readDefinition('solo');
  const factory = parse(shipped['factory.yaml'] ?? '');
  factory.hosts = { tried: host };
  factory.limits = LIMITS;
  factory.roles.developer = { ...factory.roles.developer, host: 'tried', ...(model && { model }) };
  return { ...shipped, 'factory.yaml': stringify(factory) };
}

const queueTasks = ({ store, clock }: Services) =>
  store.transaction(async (tx) => {
    const [now, role] = [clock.now(), 'developer'];
    const common = {
      description: '',
      stops: ['It cannot be done as it stands'],
      role,
      priority: 50,
      needs: [],
    };
    for (const one of TASKS) {
      const task = await insertTask(tx, { ...common, ...one, createdBy: 'operator', now });
      const run = { role, agent: role, task, message: '', root: 'operator', requestedBy: 'operator', now };
      await insertSpawn(tx, run);
    }
  });

async function untilEnded({ store }: Services, io: Io, signal: AbortSignal): Promise<void> {
  const told = new Map<number, string>();
  while (!signal.aborted) {
    const runs = await listRuns(store.db, TASKS.length);
    for (const { id, outcome, state, turns, tokens } of runs.toReversed()) {
      const line = `run ${id} of ${TASKS.length}: ${outcome ?? state}, ${turns} turns, ${tokens} tokens`;
      if (told.get(id) !== line) io.progress(line);
      told.set(id, line);
    }
    if (runs.every(({ ended_at }) => ended_at !== null)) return;
    await store.changed(LOOK_MS, signal);
  }
}

async function counted({ store: { db } }: Services): Promise<SelfTest> {
  const runs = await listRuns(db, TASKS.length);
  const refusals = await db.selectFrom('refusals').select(['rule', 'count']).execute();
  const lost = await db.selectFrom('activity').select('seq').where('event', '=', 'lease.expired').execute();
  const refusedCalls: Record<string, number> = {};
  for (const { rule, count } of refusals) refusedCalls[rule] = (refusedCalls[rule] ?? 0) + count;
  const of = (outcome: string) => runs.filter((run) => run.outcome === outcome).length;
  const known = ['completed', 'returned'];
  return {
    runs: runs.length,
    completed: of('completed'),
    withoutTaskComplete: of('returned'),
    others: runs
      .filter(({ outcome }) => !known.includes(outcome ?? ''))
      .map(({ outcome, said }) => `${outcome}: ${said}`),
    lostLeases: lost.length,
    refusedCalls,
    turns: runs.reduce((sum, run) => sum + run.turns, 0),
    tokens: runs.reduce((sum, run) => sum + run.tokens, 0),
    micros: runs.some(({ micros }) => micros === null)
      ? null
      : runs.reduce((sum, run) => sum + (run.micros ?? 0), 0),
  };
}
