import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, memoryId } from '../../core/ids.ts';
import type { Tx } from '../../core/store/store.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { entityName, oneLine, remember } from '../keep.ts';
import { linkEntities } from '../queries.ts';
import { redact } from '../redact.ts';
import { renderMemory } from '../render.ts';
import { addRelation, findRows } from '../search/queries.ts';
import { writerOf } from '../writer.ts';

const thing = z.string().max(120).transform(entityName);

export default defineTool({
  name: 'memory_link',
  needs: 'memory:link',
  effect: 'write',
  outside: true,
  description: 'Say how two things relate; searches follow it.',
  input: z.strictObject({
    from: thing.describe('"release:shop"'),
    relation: z
      .string()
      .max(60)
      .transform((text) => redact(oneLine(text)).toLowerCase()),
    to: thing,
    because: idInput('M').optional().describe('Your entry that says so.'),
  }),
  output: z.object({ entry: z.string() }),

  async handler(link, call) {
    if ([link.from, link.relation, link.to].includes(''))
      throw new ToolError(
        'INVALID_INPUT',
        'A relation names two things and what lies between them.',
        'Call memory_link with from, relation and to, for example "release:shop", "uses", "database:orders".',
        { rule: 'memory.empty' },
      );
    const entry = await call.transaction(async (tx) => {
      const id =
        link.because === undefined ? await newEntry(call, tx, link) : await ownLive(call, tx, link.because);
      await linkEntities(tx, id, [link.from, link.to]);
      await addRelation(tx, { ...link, memory: id });
      return id;
    });
    if (link.because === undefined) await renderMemory(call.services, call.session.agent);
    return { entry: memoryId(entry) };
  },
});

/** A relation rests on an entry, so that it ends when the entry is superseded. */
async function newEntry(
  call: Call,
  tx: Tx,
  { from, relation, to }: { from: string; relation: string; to: string },
) {
  const text = `${from} ${relation} ${to}.`;
  const { id } = await remember(tx, await writerOf(call, tx), { kind: 'fact', text, origin: 'agent' });
  return id;
}

/** Only what an agent itself still holds true carries a relation: third-party text states none. */
async function ownLive({ session }: Call, tx: Tx, id: number): Promise<number> {
  const [row] = await findRows(tx, [id]);
  if (row?.agent === session.agent && row.valid_to === null && row.trust === 'own') return id;
  throw new ToolError(
    'NOT_FOUND',
    `${memoryId(id)} is no live entry of yours that you wrote yourself.`,
    'Call memory_search for one, or memory_link without because.',
    { rule: 'memory.unknown' },
  );
}
