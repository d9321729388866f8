import { sql } from 'kysely';
import { openStore } from '../../servers/core/store/store.ts';

/** Makes a store with this many ready tasks for developers, and these sessions. The file is whole when it returns. */
export async function makeReadyTasks(
  file: string,
  tasks: number,
  sessions: readonly string[],
): Promise<void> {
  const store = await openStore(file);
  await store.transaction(async (tx) => {
    await sql`with recursive n (id) as (select 1 union all select id + 1 from n where id < ${tasks})
      insert into tasks (title, description, criteria, stops, role, priority, state, deps_left, ready_at, round,
        created_by, created_at)
      select 'Task ' || id, 'Add the page.', '["It answers."]', '["It needs a binding."]', 'developer', id % 5,
        'ready', 0, 0, 1, 'ceo', 0 from n`.execute(tx);
    for (const session of sessions) {
      await sql`insert into sessions (id, agent, role, root, opened_at, expires_at, beat_at, progress_at)
        values (${session}, 'developer', 'developer', ${session}, 0, 0, 0, 0)`.execute(tx);
    }
  });
  await store.close();
}
