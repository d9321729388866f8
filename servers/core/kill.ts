import { sql } from 'kysely';
import { ToolError } from './errors.ts';
import { prepared, unplanned } from './store/prepared.ts';
import type { Db } from './store/store.ts';

const stopOf = prepared<{ role: string }>()((db, value) =>
  db
    .selectFrom('kills')
    .selectAll()
    .where('scope', 'in', [sql.lit('factory'), unplanned.text(value('role'))])
    .limit(sql.lit(1)),
);

/** Every claim, spawn and release asks this first. Throws `LIMIT` while a human's stop is in force. */
export async function refuseIfStopped(db: Db, role: string): Promise<void> {
  const [stop] = await stopOf(db, { role: `role:${role}` });
  if (!stop) return;
  throw new ToolError(
    'LIMIT',
    `A human stopped ${stop.scope}: ${stop.reason}`,
    'End your session; the human resumes the factory.',
    {
      rule: 'factory.stopped',
    },
  );
}
