import { memoryId, taskId } from '../core/ids.ts';
import { changesSince } from '../core/memory/changes.ts';
import { liveMemory, type Recalled } from '../core/memory/recall.ts';
import { NOTES } from '../core/memory/said.ts';
import { atMostTokens, fitting } from '../core/memory/tokens.ts';
import type { Db } from '../core/store/store.ts';
import { leaseOf, taskOf } from './queries.ts';

/** The whole card; a host adds it to a context that was just made small. */
const MOST_TOKENS = 1_500;
const MOST_CHANGES = 6;

export interface Standing {
  agent: string;
  role: string;
  session: string | null;
  task: number | null;
  fence: number | null;
  now: number;
}

/**
 * Where an agent stands, in at most 1,500 tokens: its task with lease and fence, what changed since its memory was
 * written, and its next step, open threads, decisions and current state as far as they fit, in this order.
 */
export async function stateCard(db: Db, standing: Standing): Promise<string> {
  const entries = await liveMemory(db, standing.agent);
  const changes = (await changesSince(db, entries)).slice(0, MOST_CHANGES);
  const head = [
    `# Where ${standing.agent} (${standing.role}) stands`,
    await taskLine(db, standing),
    ...section('Changed since you wrote it down', changes),
  ];
  const of = (kind: Recalled['kind']) =>
    entries.filter((entry) => entry.kind === kind).map(({ id, text }) => `- ${text} [${memoryId(id)}]`);
  const parts: [string, string[]][] = [
    ['Next step', of('next')],
    ['Open threads', of('thread')],
    ['Decisions', of('decision')],
    ['Current state', of('fact')],
  ];
  let left = MOST_TOKENS - atMostTokens(head.join('\n')) - FRAME_TOKENS;
  const shown = parts.flatMap(([title, lines]) => {
    const fits = fitting(lines, left);
    left -= fits.reduce((sum, line) => sum + atMostTokens(`${line}\n`), 0);
    const more = lines.length - fits.length;
    return section(title, more > 0 ? [...fits, `- ${more} more: memory_search.`] : fits);
  });
  return [...head, ...(shown.length > 0 ? ['', NOTES] : []), ...shown].join('\n');
}

/** Headings, and what is said of the lines that did not fit. */
const FRAME_TOKENS = 100;

const section = (title: string, lines: readonly string[]) =>
  lines.length === 0 ? [] : ['', `## ${title}`, ...lines];

async function taskLine(db: Db, { session, task, fence, now }: Standing): Promise<string> {
  const row = task === null ? undefined : await taskOf(db, task);
  if (!row || task === null || fence === null) return 'You hold no task; task_checkout gives you one.';
  const lease = await leaseOf(db, task);
  const name = `${taskId(task)} "${row.title.slice(0, 200)}"`;
  if (lease?.holder !== session || lease.fence !== fence || lease.ends_at <= now)
    return `You no longer hold ${name}: its lease has ended. Write nothing more for it; call task_checkout.`;
  const step = row.phase === null ? '' : `, phase ${row.phase}, round ${row.round}`;
  const until = new Date(lease.ends_at).toISOString();
  return `You hold ${name}${step}, fence ${fence}, lease until ${until}. task_checkout gives its brief again.`;
}
