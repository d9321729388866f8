import { sql } from 'kysely';
import { expect, test, vi } from 'vitest';
import { sweep } from '../../servers/core/leases.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { startFactory } from '../harness.ts';
import { WORK } from '../tasks/stage.ts';
import { planOf } from './plans.ts';
import { listen } from './statements.ts';
import { DIALECTS, newLocation } from './stores.ts';

test.each(DIALECTS)('no statement of daily work reads a growing table whole (%s)', async (dialect) => {
  const heard = listen();
  const databaseUrl = dialect === 'postgres' ? await newLocation(dialect) : undefined;
  const factory = await startFactory({ servers: ['tasks', 'gates', 'memory'], databaseUrl, remembers: true });
  const { store, clock } = factory.services;
  const [ceo, developer] = [await factory.agent('ceo'), await factory.agent('developer')];
  heard.clear();
  if (dialect === 'postgres') heard.set(await headQuery(store), []);

  const { task } = await ceo.ok('task_create', { ...WORK, role: 'developer' });
  await ceo.ok('task_create', { ...WORK, role: 'developer', needs: [task] });
  await developer.ok('task_checkout');
  await developer.ok('agent_heartbeat', { progress: 'Reading.' });
  const { artifact } = await developer.ok('artifact_put', { name: 'note', body: 'A page.' });
  await ceo.ok('artifact_get', { artifact });
  for (const filter of [{}, { state: 'ready' }, { mine: true }, { state: 'ready', mine: true }])
    await ceo.ok('task_list', filter);
  await ceo.ok('task_show', { task });
  await developer.ok('memory_write', {
    entries: [{ kind: 'fact', text: 'Pages are built in the order of their names.' }],
  });
  await developer.ok('memory_search', { query: 'pages' });
  await developer.ok('task_complete', { summary: 'Done and seen.' });
  await developer.ok('task_checkout', {});
  await developer.ok('task_return', { why: 'Somebody else may.' });
  const { pipeline } = await ceo.ok('pipeline_start', {
    pipeline: 'product',
    request: 'A page of testimonials.',
  });
  await ceo.ok('pipeline_show', { pipeline });
  await ceo.ok('task_list', { pipeline });
  const { factory: definition } = await factory.services.factory();
  await store.transaction((tx) => sweep(store, tx, definition, clock.now()));

  await vi.waitFor(() => expect([...heard.keys()].some((text) => QUEUE.test(text))).toBe(true), 10_000);

  const walks: string[] = [];
  const sorting: string[] = [];
  for (const [text, values] of heard) {
    const plan = await planOf(store, text, values);
    for (const walk of plan.walks) walks.push(`${walk}: ${text}`);
    if (plan.sorts) sorting.push(text);
  }
  expect(HOT.filter((hot) => ![...heard.keys()].some((text) => hot.test(text)))).toEqual([]);
  expect(walks).toEqual([]);
  expect(sorting.filter((text) => UNSORTED.some((hot) => hot.test(text)))).toEqual([]);
});

/** How PostgreSQL reads the head of the record: inside its function, where nobody hears it. */
async function headQuery({ db }: Store): Promise<string> {
  const { rows } = await sql<{ body: string }>`
    select prosrc as body from pg_proc where proname = 'append_activity'`.execute(db);
  const [query = ''] = /select seq, hash .* limit 1/.exec(rows[0]?.body ?? '') ?? [];
  return query.replace(/ into \w+, \w+/, '').replace(/(?<=select |, |from |by )\w+/g, '"$&"');
}

const CLAIM = /^update "tasks" set "state" = .* returning \*$/;
const PROMOTE = /^update "tasks" set "state" = .* where "state" = 'waiting'/;
const SESSION = /from "sessions" left join "enrolments"/;
const QUEUE = /from "jobs" where "kind" in /;
const HEAD = /^select "seq", "hash" from "activity"/;
/** What nearly every call runs: the test hears nothing when it doesn't hear these. */
const HOT = [
  QUEUE,
  CLAIM,
  PROMOTE,
  SESSION,
  HEAD,
  /from "leases" where "holder" is not null/,
  /from "leases" where "holder" is not null and "holder" like/,
  /^update "leases" set "ends_at"/,
  /from "memories"/,
];
const UNSORTED = [CLAIM, PROMOTE, SESSION, HEAD];
