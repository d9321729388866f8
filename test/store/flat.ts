import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { sql } from 'kysely';
import { EXIT } from '../../cli/failures.ts';
import { append } from '../../servers/core/record.ts';
import { openStore, type Store } from '../../servers/core/store/store.ts';
import { claimTask, promoteWaiting, takeableTasks } from '../../servers/tasks/claim_queries.ts';
import { finishTask, listTasks } from '../../servers/tasks/queries.ts';
import { databaseUrl, startPostgres } from '../postgres.ts';

const FEW = 1000;
const TURNS = 25;
const BAR = 3;
/** What two medians of so few turns may differ by, whatever they measure. */
const NOISE_MS = 0.5;

/** Of a hundred tasks 85 are over, ten can be taken, three wait for others and two are blocked. */
async function fill({ db, dialect }: Store, tasks: number): Promise<void> {
  const numbers =
    dialect === 'postgres'
      ? sql`select generate_series(1, ${tasks}::bigint) as id`
      : sql`with recursive n (id) as (select 1 union all select id + 1 from n where id < ${tasks}) select id from n`;
  await sql`insert into tasks (title, description, criteria, stops, role, priority, state, deps_left, ready_at, round,
      created_by, created_at)
    select 'A task', '', '[]', '[]', case when id % 2 = 0 then 'qa' else 'developer' end, 50,
      case when id % 100 < 85 then 'done' when id % 100 < 95 then 'ready' when id % 100 < 98 then 'waiting'
        else 'blocked' end,
      case when id % 100 >= 95 and id % 100 < 98 then 1 else 0 end, 0, 1, 'ceo', 0 from (${numbers}) as numbers`.execute(
    db,
  );
  await sql`insert into activity (seq, at, session, agent, role, event, tool, subject, rule, code, why, body_digest,
      body, prev, hash)
    select id, 0, 's', 'a', 'r', 'call', '', '', '', '', '', '', '', '', cast(id as text) from (${numbers}) as numbers`.execute(
    db,
  );
  await sql`analyze`.execute(db);
  if (dialect === 'postgres') await sql`checkpoint`.execute(db);
}

const HOT: Record<string, (store: Store) => Promise<unknown>> = {
  'claim and complete': ({ transaction }) =>
    transaction(async (tx) => {
      const task = await claimTask(tx, { role: 'developer', session: 's', now: 1, leaseEndsAt: 1000 });
      if (!task) throw new Error('There were too few tasks.');
      await tx.updateTable('leases').set({ holder: null }).where('subject', '=', task.id).execute();
      await finishTask(tx, task.id, 'done', 'Done.', 1);
    }),
  promote: ({ transaction }) => transaction((tx) => promoteWaiting(tx, 1)),
  'what could be taken': ({ db }) => takeableTasks(db, ['developer'], 1, 20),
  'a page of blocked tasks': ({ db }) => listTasks(db, { state: 'blocked', after: 0, limit: 20 }),
  'a page of one role': ({ db }) => listTasks(db, { role: 'qa', after: FEW / 2, limit: 20 }),
  'an entry of the record': (store) =>
    store.transaction((tx) =>
      append(store, tx, { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' }),
    ),
};

const timeOf = async (run: () => Promise<unknown>) => {
  const since = performance.now();
  await run();
  return performance.now() - since;
};

const median = (times: readonly number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;

/** Both stores take turns, so that what else the machine does meets both. */
async function medians(run: (store: Store) => Promise<unknown>, few: Store, many: Store) {
  const times: [number, number][] = [];
  for (let turn = 0; turn < TURNS; turn++)
    times.push([await timeOf(() => run(few)), await timeOf(() => run(many))]);
  return { few: median(times.map(([ms]) => ms)), many: median(times.map(([, ms]) => ms)) };
}

async function measure(few: string, many: string, tasks: number): Promise<string[]> {
  const [small, large] = [await openStore(few), await openStore(many)];
  try {
    await fill(small, FEW);
    await fill(large, tasks);
    const rows: { query: string; few: number; many: number }[] = [];
    for (const [query, run] of Object.entries(HOT))
      rows.push({ query, ...(await medians(run, small, large)) });
    console.table(
      rows.map(({ query, few, many }) => ({ query, [FEW]: few.toFixed(2), [tasks]: many.toFixed(2) })),
    );
    const slow = rows.filter(({ few, many }) => many > BAR * few + NOISE_MS);
    return slow.map(({ query }) => `${small.dialect}: ${query}`);
  } finally {
    await Promise.all([small.close(), large.close()]);
  }
}

/**
 * `npm run test:load -- --flat [TASKS]`: prints how long the hot queries take among 1,000 tasks and among TASKS, a
 * million if not told, on both databases; gives the exit code, a failure when one takes over three times as long.
 */
export async function measureFlatness([tasks = '1000000']: readonly string[]): Promise<number> {
  if (!/^[1-9]\d*$/.test(tasks)) {
    process.stderr.write('Usage: npm run test:load -- --flat [TASKS]\n');
    return EXIT.usage;
  }
  const folder = await mkdtemp(join(tmpdir(), 'millwright-flat-'));
  const postgres = await startPostgres();
  try {
    const many = Number(tasks);
    const slow = await measure(join(folder, 'few.sqlite'), join(folder, 'many.sqlite'), many);
    const server = await openStore(databaseUrl(postgres.url, 'postgres'));
    for (const name of ['few', 'many']) await sql`create database ${sql.id(name)}`.execute(server.db);
    await server.close();
    slow.push(...(await measure(databaseUrl(postgres.url, 'few'), databaseUrl(postgres.url, 'many'), many)));
    for (const one of slow) process.stderr.write(`not flat: ${one}\n`);
    return slow.length > 0 ? EXIT.failed : EXIT.ok;
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
