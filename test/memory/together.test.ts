import { describe, expect, test } from 'vitest';
import type { Store } from '../../servers/core/store/store.ts';
import { DIALECTS, newStore } from '../store/stores.ts';
import { race, startWorker } from '../store/workers.ts';

const PROCESSES = 8;
const EACH = 1250;
/** As many as memory_write takes. */
const ENTRIES_OF_A_CALL = 8;

const texts = async ({ db }: Store) =>
  (await db.selectFrom('memories').select('text').orderBy('id').execute()).map(({ text }) => text);

describe.each(DIALECTS)('%s', (dialect) => {
  test('eight processes that write 10,000 entries at once lose nothing', { timeout: 300_000 }, async () => {
    const { store, location } = await newStore(dialect);

    const written = await race(PROCESSES, 'remember', location, (index) => ({
      agent: `developer-${index % 2}`,
      name: `process-${index}`,
      count: EACH,
      atOnce: ENTRIES_OF_A_CALL,
    }));

    const all = await texts(store);
    expect(all).toHaveLength(PROCESSES * EACH);
    expect(new Set(all)).toEqual(new Set(written.flat()));
  });

  test('a process that is killed at any moment loses no entry it acknowledged', {
    timeout: 60_000,
  }, async () => {
    const { store, location } = await newStore(dialect);
    const said: string[] = [];
    for (let round = 0; round < 3; round++) {
      const name = `round-${round}`;
      const worker = await startWorker('remember', location, {
        agent: 'developer',
        name,
        count: Number.MAX_SAFE_INTEGER,
        atOnce: 1,
      });
      worker.go();
      for (let lines = 0; lines < 20 + round; lines++) said.push(await worker.line());
      worker.kill();
      for (;;) {
        const more = await worker.line().catch(() => undefined);
        if (more === undefined) break;
        if (more.endsWith('.')) said.push(more);
      }
    }

    const all = await texts(store);

    expect(all).toEqual(expect.arrayContaining(said));
    expect(said.length).toBeGreaterThanOrEqual(63);
    expect(all.length).toBeLessThanOrEqual(said.length + 3);
    await expectChain(store, 'developer');
  });
});

/** Each entry stands beside the one before and the one after it, in the order in which they were recorded. */
async function expectChain({ db }: Store, agent: string): Promise<void> {
  const rows = await db
    .selectFrom('memories')
    .select(['text', 'neighbours'])
    .where('agent', '=', agent)
    .orderBy('id')
    .execute();
  const beside = rows.map((_, at) =>
    [rows[at - 1]?.text ?? '', rows[at + 1]?.text].filter((text) => text !== undefined).join('\n'),
  );
  expect(rows.map(({ neighbours }) => neighbours)).toEqual(beside);
}
