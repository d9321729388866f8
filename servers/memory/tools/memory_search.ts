import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, memoryId } from '../../core/ids.ts';
import { NOTES } from '../../core/memory/said.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { search } from '../search/hybrid.ts';
import { KINDS } from '../search/line.ts';
import { entriesBeside, findRows } from '../search/queries.ts';
import type { Scope } from '../search/scope.ts';
import { fullText, TITLES, titleOf } from '../search/titles.ts';

const BESIDE = 4;
/** Leaves room in a host's 10,000 characters. */
const ROOM = 8_000;

export default defineTool({
  name: 'memory_search',
  needs: 'memory:own',
  effect: 'read',
  description: 'Find entries: query gives titles, around a timeline, ids full texts.',
  input: z.strictObject({
    query: z.string().max(500).optional(),
    around: idInput('M').optional(),
    ids: z.array(idInput('M')).max(5).optional(),
    kind: z.enum(KINDS).optional(),
    of: z.string().max(40).optional().describe('Agent or role.'),
    history: z.boolean().optional(),
  }),
  output: z.object({
    notes: z.string(),
    entries: z.array(z.string()),
  }),

  async handler({ query, around, ids, kind, of, history }, call) {
    const given = [query, around, ids].filter((one) => one !== undefined);
    if (given.length !== 1)
      throw new ToolError(
        'INVALID_INPUT',
        'A search has a query, or an entry to look around, or ids.',
        'Call memory_search with exactly one of query, around and ids.',
        { rule: 'memory.search' },
      );
    const reader = { ...call.session, factory: call.factory };
    if (query !== undefined) return titles(call, query, { reader, kind, of, history });
    const all: Scope = { reader, history: true };
    return {
      notes: NOTES,
      entries:
        around === undefined ? await fullTexts(call, ids ?? [], all) : await timeline(call, around, all),
    };
  },
});

async function titles({ db, now, services }: Call, query: string, scope: Scope) {
  const { found, note } = await search(services, query, scope, { now, limit: TITLES });
  const rows = await findRows(
    db,
    found.map(({ id }) => id),
  );
  const entries = rows.map((row) => titleOf(row, now));
  return { notes: note === undefined ? NOTES : `${NOTES} ${note}`, entries };
}

/** Titles of what the same agent, or somebody on the same task, kept just before and after. */
async function timeline({ db, now }: Call, around: number, scope: Scope): Promise<string[]> {
  const [middle] = await findRows(db, [around], scope);
  if (!middle) throw unknown(around);
  const before = await entriesBeside(db, middle, 'before', scope, BESIDE);
  const after = await entriesBeside(db, middle, 'after', scope, BESIDE);
  return [...before.reverse(), middle, ...after].map((row) => titleOf(row, now));
}

async function fullTexts({ db }: Call, ids: readonly number[], scope: Scope): Promise<string[]> {
  const rows = await findRows(db, ids, scope);
  const missing = ids.find((id) => !rows.some((row) => row.id === id));
  if (missing !== undefined) throw unknown(missing);
  return rows.map((row) => fullText(row, Math.floor(ROOM / rows.length)));
}

const unknown = (id: number) =>
  new ToolError(
    'NOT_FOUND',
    `You have no entry ${memoryId(id)}.`,
    'Call memory_search with a query for those that you may read.',
    { rule: 'memory.unknown' },
  );
