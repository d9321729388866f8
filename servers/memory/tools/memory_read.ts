import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, memoryId, taskId } from '../../core/ids.ts';
import { NOTES, said } from '../../core/memory/said.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { stateCard } from '../card.ts';
import { entitiesOf, liveEntries } from '../queries.ts';
import { readBack } from '../render.ts';
import { findRows } from '../search/queries.ts';

/** Leaves room in a host's 10,000 characters. */
const LIST_CHARACTERS = 8_500;
const LONGEST_TITLE = 100;
const LONGEST_TEXT = 6_000;

export default defineTool({
  name: 'memory_read',
  needs: 'memory:own',
  effect: 'read',
  description:
    'Where you stand and your live memory, also after your context was shortened; with ids, entries in full.',
  input: z.strictObject({ ids: z.array(idInput('M')).min(1).max(5).optional() }),
  output: z.object({
    card: z.string(),
    entries: z.array(z.object({ id: z.string(), kind: z.string(), text: z.string(), from: z.string() })),
    more: z.number(),
  }),

  async handler({ ids }, call) {
    if (ids) return { card: NOTES, entries: await inFull(call, ids), more: 0 };
    const { session, services, db, now } = call;
    await readBack(services, session.agent);
    const { agent, role, id, task, fence } = session;
    const card = await stateCard(db, { agent, role, session: id, task, fence, now });
    return { card, ...(await titles(call, LIST_CHARACTERS - JSON.stringify(card).length)) };
  },
});

/** The newest live entries of the caller, as many as there is room for. */
async function titles({ db, session }: Call, room: number) {
  const rows = await liveEntries(db, session.agent, 101);
  let left = room;
  const entries = rows.map((row) => ({
    id: memoryId(row.id),
    kind: row.kind,
    text: said(
      row.text.length > LONGEST_TITLE ? { ...row, text: `${row.text.slice(0, LONGEST_TITLE)}…` } : row,
    ),
    from: new Date(row.recorded_at).toISOString().slice(0, 10),
  }));
  const fits = entries.filter((entry) => {
    left -= JSON.stringify(entry).length + 1;
    return left > 0;
  });
  return { entries: fits, more: rows.length - fits.length };
}

async function inFull({ db, factory, session }: Call, ids: readonly number[]) {
  const rows = await findRows(db, ids, { reader: { factory, ...session }, history: true });
  const missing = ids.find((id) => !rows.some((row) => row.id === id));
  if (missing !== undefined)
    throw new ToolError(
      'NOT_FOUND',
      `You have no entry ${memoryId(missing)}.`,
      'Call memory_read without ids for yours, or memory_search.',
      { rule: 'memory.unknown' },
    );
  const about = await entitiesOf(db, ids);
  const longest = Math.floor(LONGEST_TEXT / ids.length);
  return rows.map((row) => ({
    id: memoryId(row.id),
    kind: row.kind,
    text: said(
      row.text.length > longest ? { ...row, text: `${row.text.slice(0, longest).toWellFormed()}…` } : row,
    ),
    from: originOf(row, about.get(row.id) ?? []),
  }));
}

/** Who wrote it when and on what, what it is about, and whether it still counts. */
function originOf(row: Row<'memories'>, about: readonly string[]): string {
  const day = (at: number) => new Date(at).toISOString();
  return [
    `${row.agent}${row.origin === 'agent' ? '' : ` (${row.origin})`} at ${day(row.recorded_at)}`,
    row.task !== null && `on ${taskId(row.task)}`,
    row.commit_id !== null && `commit ${row.commit_id.slice(0, 12)}`,
    about.length > 0 && `about ${about.join(', ')}`,
    row.superseded_by !== null && `superseded by ${memoryId(row.superseded_by)}`,
    row.valid_to !== null && `true until ${day(row.valid_to)}`,
  ]
    .filter(Boolean)
    .join('; ');
}
