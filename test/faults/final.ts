import type { Verification } from '../../servers/core/record.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import type { Db } from '../../servers/core/store/store.ts';

/** What the store holds when everything is over. */
export interface Final {
  activity: Pick<Row<'activity'>, 'seq' | 'session' | 'event' | 'tool' | 'subject' | 'body'>[];
  tasks: Pick<Row<'tasks'>, 'id' | 'state' | 'deps_left' | 'lapses'>[];
  links: Row<'task_links'>[];
  leases: Row<'leases'>[];
  artifacts: Pick<Row<'artifacts'>, 'id' | 'task' | 'session' | 'fence' | 'body'>[];
  record: Verification;
  /** Lost leases after which the factory blocks a task. */
  lapses: number;
}

/** Reads all that the checker compares. */
export async function readFinal(db: Db, lapses: number): Promise<Final> {
  return {
    activity: await db
      .selectFrom('activity')
      .select(['seq', 'session', 'event', 'tool', 'subject', 'body'])
      .orderBy('seq')
      .execute(),
    tasks: await readTasks(db),
    links: await db.selectFrom('task_links').selectAll().execute(),
    leases: await db.selectFrom('leases').selectAll().where('kind', '=', 'task').execute(),
    artifacts: await db
      .selectFrom('artifacts')
      .select(['id', 'task', 'session', 'fence', 'body'])
      .orderBy('id')
      .execute(),
    record: await verifyRecord(db),
    lapses,
  };
}

/** Tasks that could still be done: open, and waiting for nothing that is blocked. */
export async function unfinished(db: Db): Promise<number> {
  const tasks = await readTasks(db);
  const links = Map.groupBy(await db.selectFrom('task_links').selectAll().execute(), ({ task }) => task);
  const hopeless = new Set<number>();
  let left = 0;
  for (const { id, state } of tasks) {
    const waitsForEver = (links.get(id) ?? []).some(({ needs }) => hopeless.has(needs));
    if (state === 'blocked' || state === 'cancelled' || waitsForEver) hopeless.add(id);
    else if (state !== 'done') left++;
  }
  return left;
}

const readTasks = (db: Db) =>
  db.selectFrom('tasks').select(['id', 'state', 'deps_left', 'lapses']).orderBy('id').execute();
