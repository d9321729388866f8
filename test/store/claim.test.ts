import { setTimeout as sleep } from 'node:timers/promises';
import { type CompiledQuery, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { findTask } from '../../servers/core/held.ts';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { claimTask } from '../../servers/tasks/claim_queries.ts';
import { finishTask, insertTask } from '../../servers/tasks/queries.ts';
import { DIALECTS, newStore } from './stores.ts';
import { fillTasks } from './tasks.ts';
import { race } from './workers.ts';

const TASKS = 2000;
const PROCESSES = 8;
/** The graph's size: one connection to PostgreSQL answers a tenth as many statements a second. */
const GRAPH = { sqlite: 10_000, postgres: 3000 };

const claim = (store: Store, role = 'developer') =>
  store.transaction((tx) => claimTask(tx, { role, session: 's', now: 1, leaseEndsAt: 1000 }));

describe.each(DIALECTS)('%s', (dialect) => {
  test('eight processes get each of 2,000 tasks once, and each fence once', { timeout: 60_000 }, async () => {
    const { store, location } = await newStore(dialect);
    await fillTasks(store, Array(TASKS).fill({}));

    const claimed = await race(PROCESSES, 'claim', location, (index) => ({
      session: `session-${index}`,
      giveBack: 2,
    }));

    expect(claimed.filter((claims) => claims.length > 0)).toHaveLength(PROCESSES);
    const all = claimed.flat();
    const fencesOf = Map.groupBy(all, ({ task }) => task);
    expect(fencesOf.size).toBe(TASKS);
    for (const [task, claims] of fencesOf) {
      const fences = claims.map(({ fence }) => fence).sort((a, b) => a - b);
      expect(fences).toEqual(task % 8 === 0 ? [1, 2, 3] : [1]);
    }
    for (const claims of claimed) expectRising(claims);
  });

  test('gives the most urgent task of the role, the oldest of equals', async () => {
    const { store } = await newStore(dialect);
    await fillTasks(store, [
      { priority: 50 },
      { priority: 9 },
      { role: 'qa', priority: 1 },
      { priority: 50 },
    ]);

    const ids = [await claim(store), await claim(store), await claim(store), await claim(store)];

    expect(ids.map((task) => task?.id)).toEqual([2, 1, 4, undefined]);
  });

  test('finds the ready task by its index, without sorting', async () => {
    const { store } = await newStore(dialect);
    const states = ['ready', 'done', 'waiting'] as const;
    await fillTasks(store, Array(3000).fill({}));
    for (const [index, state] of states.entries()) {
      await store.db.updateTable('tasks').set({ state }).where(sql`id % 3`, '=', index).execute();
    }
    await sql`analyze`.execute(store.db);

    const plan = await planOf(dialect, store, claimStatement(store));

    expect(plan).toMatch(
      dialect === 'sqlite'
        ? /USING INDEX tasks_ready|USING COVERING INDEX tasks_ready/
        : /Index (Only )?Scan using tasks_ready/,
    );
    expect(plan).not.toMatch(/TEMP B-TREE|SCAN t\b|Sort|Seq Scan/);
  });

  test('completes a graph of thousands of tasks in order, at an even pace', { timeout: 60_000 }, async () => {
    const { store } = await newStore(dialect);
    const { tasks, needsOf } = graph(GRAPH[dialect]);
    const links = [...needsOf].flatMap(([task, needs]) => needs.map((need) => ({ task, needs: need })));
    await fillTasks(store, tasks, links);

    const done = new Set<number>();
    const lap: number[] = [];
    for (let since = performance.now(); ; since = performance.now()) {
      const ended = await store.transaction((tx) => completeSome(tx, 100));
      if (ended.length === 0) break;
      for (const id of ended) {
        expect(needsOf.get(id)?.find((need) => !done.has(need))).toBeUndefined();
        done.add(id);
      }
      lap.push(performance.now() - since);
    }

    expect(done.size).toBe(GRAPH[dialect]);
    const third = Math.floor(lap.length / 3);
    expect(median(lap.slice(-third))).toBeLessThan(3 * median(lap.slice(0, third)));
  });
});

describe.each(DIALECTS)('%s', (dialect) => {
  test('a task added while the one it needs is ending still becomes ready', async () => {
    const { store } = await newStore(dialect);
    await fillTasks(store, [{}]);
    let ending: Promise<void> | undefined;

    const added = await store.transaction(async (tx) => {
      const task = {
        title: 'After',
        description: '',
        criteria: [],
        stops: [],
        role: 'developer',
        priority: 50,
      };
      const id = await insertTask(tx, { ...task, needs: [1], createdBy: 'ceo', now: 1 });
      ending ??= store.transaction((other) => finishTask(other, 1, 'done', 'Done.', 1));
      await sleep(100);
      return id;
    });
    await ending;

    expect(await findTask(store.db, added)).toMatchObject({ state: 'ready', deps_left: 0 });
  });
});

async function completeSome(tx: Parameters<typeof claimTask>[0], limit: number) {
  const ended: number[] = [];
  while (ended.length < limit) {
    const task = await claimTask(tx, { role: 'developer', session: 's', now: 1, leaseEndsAt: 1000 });
    if (!task) break;
    await finishTask(tx, task.id, 'done', 'Done.', 1);
    ended.push(task.id);
  }
  return ended;
}

/** Chains of ten, then a task that waits for a hundred, then a hundred that wait for it, and again. */
function graph(size: number) {
  const needsOf = new Map<number, number[]>();
  const needs = (id: number): number[] => {
    const place = (id - 1) % 1000;
    if (place < 800) return place % 10 === 0 ? [] : [id - 1];
    if (place === 800) return Array.from({ length: 100 }, (_, index) => id - 1 - index);
    return [id - (place - 800)];
  };
  const tasks = Array.from({ length: size }, (_, index) => {
    const of = needs(index + 1);
    needsOf.set(index + 1, of);
    return { deps_left: of.length, priority: 1 + (index % 5) };
  });
  return { tasks, needsOf };
}

function expectRising(claims: readonly { task: number; fence: number }[]) {
  const last = new Map<number, number>();
  for (const { task, fence } of claims) {
    expect(fence).toBeGreaterThan(last.get(task) ?? 0);
    last.set(task, fence);
  }
}

/** The statement that `claimTask` runs first. */
function claimStatement(store: Store): CompiledQuery {
  let first: CompiledQuery | undefined;
  const listening = store.db.withPlugin({
    transformQuery: ({ node, queryId }) => {
      first ??= store.db.getExecutor().compileQuery(node, queryId);
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  void claimTask(listening as never, {
    role: 'developer',
    session: 's',
    now: 1,
    leaseEndsAt: 2,
  }).catch(() => {});
  if (!first) throw new Error('claimTask ran no statement');
  return first;
}

async function planOf(dialect: Dialect, store: Store, query: CompiledQuery): Promise<string> {
  const explain = dialect === 'sqlite' ? 'explain query plan ' : 'explain ';
  const { rows } = await store.db.executeQuery<Record<string, unknown>>({
    sql: explain + query.sql,
    query: query.query,
    queryId: query.queryId,
    parameters: query.parameters.map((value) => (typeof value === 'object' ? 'developer' : value)),
  });
  return rows.map((row) => row.detail ?? row['QUERY PLAN']).join('\n');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
