import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { parse, stringify } from 'yaml';
import { applyFirstDefinition, enrol, readDefinition } from '../../servers/core/factory/create.ts';
import { openServices } from '../../servers/core/open.ts';
import { readFinal, unfinished } from './final.ts';

export interface FactoryOrder {
  home: string;
  databaseUrl?: string | undefined;
  beat: number;
  /** Where the answer is written, as JSON. */
  answer: string;
  /** The longest wait for all work to be done. */
  settleMs: number;
}

/** Lost leases after which a task is blocked: enough that faults alone rarely block one. */
const LAPSES = 5;

/** A server beats for a client that is gone until this; it is the least that a factory may say. */
const PROGRESS_SECONDS = 10;

type Services = Awaited<ReturnType<typeof openServices>>;

/** What is done to the factory by a process beside those that are put to the test. */
const actions = {
  /** Makes the factory: developers that also plan and keep no memory, and short leases. Gives an enrolment's token. */
  async setup(services: Services, { beat }: FactoryOrder) {
    const files = await readDefinition('c-suite');
    const factory = parse(files['factory.yaml'] ?? '');
    const rights: string[] = factory.roles.developer.may;
    factory.roles.developer.may = [...rights.filter((right) => right !== 'memory:own'), 'task:plan'];
    factory.lease = { beat, progress: PROGRESS_SECONDS, lapses: LAPSES };
    await applyFirstDefinition(services, { ...files, 'factory.yaml': stringify(factory) }, 'initial');
    return JSON.parse(await readFile(await enrol(services, 'developer'), 'utf8')).token;
  },

  /** Waits until all that can be done is done; gives how many tasks are left. */
  async settle({ store }: Services, { settleMs }: FactoryOrder) {
    const until = performance.now() + settleMs;
    for (;;) {
      const left = await unfinished(store.db);
      if (left === 0 || performance.now() > until) return left;
      await sleep(200);
    }
  },

  /** Gives the log of a SQLite store back to the disk, so that the next write needs space. */
  async shrink({ store }: Services) {
    await sql`pragma wal_checkpoint(truncate)`.execute(store.db);
    return true;
  },

  final: ({ store }: Services) => readFinal(store.db, LAPSES),
} satisfies Record<string, (services: Services, order: FactoryOrder) => Promise<unknown>>;

export type FactoryActions = typeof actions;

const [action = '', json = ''] = process.argv.slice(2);
const order = JSON.parse(json) as FactoryOrder;
const services = await openServices(order.home, { databaseUrl: order.databaseUrl });
try {
  const answer = await actions[action as keyof FactoryActions](services, order);
  await writeFile(order.answer, JSON.stringify(answer));
} finally {
  await services.close();
}
