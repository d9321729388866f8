import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore, type Store } from '../../../servers/core/store/store.ts';
import { finishTask, insertTask } from '../../../servers/tasks/queries.ts';
import { smallFactory } from '../factory.ts';
import { agentServer } from '../programs.ts';
import { median, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';
import { connect, type RawClient } from '../stdio_client.ts';

const WAKES = 60;
const BAR_MS = 5;
/** Until the waiting server has looked once and sleeps. */
const ASLEEP_MS = 30;

/**
 * From the commit that completes a task, in this process, until `task_wait` over stdio has told an agent of another
 * process that the task behind it is ready.
 */
export async function wake({ folder, signal, progress }: Surroundings): Promise<Row> {
  const waiter = await connect(agentServer(await smallFactory(folder, 0)), signal);
  const store = await openStore(join(folder, 'factory', 'store.sqlite'));
  try {
    const rounds: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`wake-ups, round ${round} of ${ROUNDS}`);
      const times: number[] = [];
      for (let index = 0; index < WAKES; index++) times.push(await timeOf(store, waiter));
      rounds.push(median(times));
    }
    const value = median(rounds);
    return {
      name: 'completion until an agent of another process wakes, p50',
      value: rounded(value),
      unit: 'ms',
      echo: null,
      ratio: null,
      bar: `≤ ${BAR_MS} ms`,
      pass: value <= BAR_MS,
    };
  } finally {
    await waiter.close();
    await store.close();
  }
}

async function timeOf(store: Store, waiter: RawClient): Promise<number> {
  const [first, behind] = await store.transaction(async (tx) => {
    const before = await insertTask(tx, task('ceo', []));
    return [before, await insertTask(tx, task('developer', [before]))] as const;
  });
  const woken = waiter.call('task_wait', { seconds: 10 });
  await sleep(ASLEEP_MS);
  await store.transaction((tx) => finishTask(tx, first, 'done', 'Done.', Date.now()));
  const since = performance.now();
  const answer = (await woken).structuredContent as { still_waiting: boolean };
  const ms = performance.now() - since;
  if (answer.still_waiting) throw new Error('The waiting agent was not woken.');
  await store.transaction((tx) => finishTask(tx, behind, 'cancelled', 'Measured.', Date.now()));
  return ms;
}

const task = (role: string, needs: readonly number[]) => ({
  title: 'Add a page',
  description: 'Add the page that the request asks for.',
  criteria: ['The page answers with status 200.'],
  stops: ['The page needs a new binding.'],
  role,
  priority: 50,
  needs,
  createdBy: 'ceo',
  now: Date.now(),
});
