import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { releaseLease } from '../../servers/core/leases.ts';
import { append } from '../../servers/core/record.ts';
import { openStore, type Store } from '../../servers/core/store/store.ts';
import { remember } from '../../servers/memory/keep.ts';
import { claimTask } from '../../servers/tasks/claim_queries.ts';
import { setState } from '../../servers/tasks/queries.ts';

/** What a test has other processes do. Each gets a location, not a store: to open it is part of what is tested. */
const actions = {
  /** Opens the store and closes it again. */
  async open(location: string, _: null) {
    await (await openStore(location)).close();
    return true;
  },

  /** Claims until nothing is ready; gives some back, so that others claim them again. */
  async claim(location: string, { session, giveBack }: { session: string; giveBack: number }) {
    return withStore(location, async (store) => {
      const claims: { task: number; fence: number }[] = [];
      for (;;) {
        const claimed = await store.transaction(async (tx) => {
          const task = await claimTask(tx, { role: 'developer', session, now: 1, leaseEndsAt: 1e12 });
          if (task && task.id % 8 === 0 && task.fence <= giveBack) {
            await releaseLease(tx, 'task', task.id);
            await setState(tx, task.id, 'ready');
          }
          return task;
        });
        if (!claimed) return claims;
        claims.push({ task: claimed.id, fence: claimed.fence });
      }
    });
  },

  /** Appends to the record, one transaction each, and says each number once it is committed. */
  async append(location: string, { session, count }: { session: string; count: number }) {
    return withStore(location, async (store) => {
      const seqs: number[] = [];
      for (let index = 0; index < count; index++) {
        const entry = { at: 1, session, agent: 'a', role: 'r', event: 'call', body: { index } };
        seqs.push(await store.transaction((tx) => append(store, tx, entry)));
        if (count === Number.MAX_SAFE_INTEGER) process.stdout.write(`${seqs.at(-1)}\n`);
      }
      return seqs;
    });
  },

  /** Keeps entries, so many in each transaction, and says the last text of each once it is committed. */
  async remember(
    location: string,
    { agent, name, count, atOnce }: { agent: string; name: string; count: number; atOnce: number },
  ) {
    return withStore(location, async (store) => {
      const texts: string[] = [];
      while (texts.length < count) {
        const more = Math.min(atOnce, count - texts.length);
        const call = Array.from(
          { length: more },
          (_, at) => `${name} found fact number ${texts.length + at}.`,
        );
        await store.transaction(async (tx) => {
          const writer = {
            agent,
            role: 'developer',
            session: name,
            task: null,
            commit: null,
            now: Date.now(),
          };
          for (const text of call) await remember(tx, writer, { kind: 'fact', text, origin: 'agent' });
        });
        texts.push(...call);
        if (count === Number.MAX_SAFE_INTEGER) process.stdout.write(`${texts.at(-1)}\n`);
      }
      return texts;
    });
  },

  /** Commits `count` changes, `every` milliseconds apart, and gives when each was committed. */
  async change(location: string, { count, every }: { count: number; every: number }) {
    return withStore(location, async (store) => {
      const times: number[] = [];
      for (let index = 0; index < count; index++) {
        await sleep(every);
        const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' };
        await store.transaction((tx) => append(store, tx, entry));
        times.push(Date.now());
      }
      return times;
    });
  },

  /** Takes the write lock, says so, and keeps it until stdin closes. */
  async lock(location: string, _: null) {
    return withStore(location, (store) =>
      store.transaction(async (tx) => {
        await append(store, tx, { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' });
        process.stdout.write('locked\n');
        await once(process.stdin, 'end');
        return true;
      }),
    );
  },

  /** Writes until the store refuses, as an ordinary user if this is root; gives what was acknowledged and the error. */
  async fill(location: string, { uid, limit }: { uid?: number; limit: number }) {
    if (uid !== undefined) process.setuid?.(uid);
    let acknowledged = 0;
    try {
      await withStore(location, async (store) => {
        while (acknowledged < limit) {
          const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call', body: filler };
          acknowledged = await store.transaction((tx) => append(store, tx, entry));
        }
      });
      return { acknowledged, error: null };
    } catch (error) {
      const { name, message } = error as Error;
      return { acknowledged, error: { name, message } };
    }
  },
} satisfies Record<string, (location: string, argument: never) => Promise<unknown>>;

export type Actions = typeof actions;
export type Action = keyof Actions;

const filler = Array.from({ length: 20 }, () => 'x'.repeat(400));

async function withStore<T>(location: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(location);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const [name = '', location = '', argument = 'null'] = process.argv.slice(2);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const result = await actions[name as Action](location, JSON.parse(argument) as never);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
