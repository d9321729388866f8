import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { type ClaimWork, claimInWindow } from './claim_window.ts';

const { file, session, ms } = JSON.parse(process.argv[2] ?? '') as ClaimWork;

/** The same statements as `claim_worker.ts` on the same schema, with nothing of ours between them and SQLite. */
const database = new Database(file, { timeout: 5 });
for (const pragma of [
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  'journal_size_limit = 67108864',
])
  database.pragma(pragma);
const begin = database.prepare('begin immediate');
const commit = database.prepare('commit');
const mark = database.prepare<[string], { id: number; title: string }>(
  `update tasks set state = 'active' where id = (select id from tasks where state = 'ready' and role = ?
     order by priority, id limit 1) returning *`,
);
const lease = database.prepare<[number, string, number], { fence: number }>(
  `insert into leases (kind, subject, holder, fence, ends_at) values ('task', ?, ?, 1, ?)
     on conflict (kind, subject) do update set holder = excluded.holder, fence = leases.fence + 1,
     ends_at = excluded.ends_at where leases.holder is null returning fence`,
);
const hold = database.prepare('update sessions set task = ?, fence = ? where id = ?');
const head = database.prepare<[], { seq: number; hash: string }>(
  'select seq, hash from activity order by seq desc limit 1',
);
const enter = database.prepare(
  `insert into activity (seq, at, session, agent, role, event, tool, subject, rule, code, why, body_digest, body,
     prev, hash) values (?, ?, ?, 'developer', 'developer', 'call', 'task_checkout', ?, '', '', '', ?, ?, ?, ?)`,
);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

await claimInWindow(ms, async () => {
  for (let tries = 0; ; tries++) {
    try {
      begin.run();
      break;
    } catch (error) {
      if (!(error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))) throw error;
      await sleep(0.2 + Math.random() * Math.min(4, 1 + tries));
    }
  }
  const claimed = claim();
  commit.run();
  return claimed;
});

function claim(): boolean {
  const now = Date.now();
  const task = mark.get('developer');
  if (!task) return false;
  const taken = lease.get(task.id, session, now + 180_000);
  hold.run(task.id, taken?.fence, session);
  const { seq, hash: prev } = head.get() ?? { seq: 0, hash: '0'.repeat(64) };
  const subject = `task:${task.id}`;
  const body = JSON.stringify({ input: {}, output: { task: task.id, title: task.title } });
  const digest = sha256(body);
  const who = [session, 'developer', 'developer', 'call', 'task_checkout', subject, '', '', '', digest];
  const hash = sha256(prev + JSON.stringify([seq + 1, now, ...who]));
  enter.run(seq + 1, now, session, subject, digest, body, prev, hash);
  return true;
}
