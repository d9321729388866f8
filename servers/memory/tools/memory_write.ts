import * as z from 'zod';
import { idInput, memoryId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { type Entry, remember } from '../keep.ts';
import { redact } from '../redact.ts';
import { renderMemory } from '../render.ts';
import { writerOf } from '../writer.ts';

/** Credentials are taken out before anything, the record too, keeps the argument. */
const words = (longest: number) => z.string().max(longest).transform(redact);

const entry = z.strictObject({
  kind: z.enum(['fact', 'decision', 'thread', 'next']),
  text: words(1500),
  aliases: z.array(words(200)).max(5).optional().describe('Other ways to ask for it.'),
  about: z.array(words(120)).max(8).optional().describe('"release:shop", "database:orders"'),
  supersedes: z.array(idInput('M')).max(8).optional(),
  source: words(300).optional().describe('If a third party wrote it.'),
  private: z.boolean().optional(),
});

export default defineTool({
  name: 'memory_write',
  needs: 'memory:own',
  effect: 'write',
  outside: true,
  description: 'Keep what your next session must know.',
  input: z.strictObject({ entries: z.array(entry).max(8) }),
  output: z.object({
    kept: z.array(
      z.object({
        id: z.string(),
        note: z.string().describe('What was not kept as given.'),
      }),
    ),
  }),

  async handler({ entries }, call) {
    const kept = await call.transaction(async (tx) => {
      const writer = await writerOf(call, tx);
      const results = [];
      for (const given of entries) results.push(await remember(tx, writer, entryOf(given)));
      return results;
    });
    await renderMemory(call.services, call.session.agent);
    return {
      kept: kept.map(({ id, duplicate, redacted }) => ({
        id: memoryId(id),
        note: noteOf(duplicate, redacted),
      })),
    };
  },
});

function entryOf({ source, ...given }: z.output<typeof entry>): Entry {
  const { kind, text, aliases = [], about = [], supersedes = [] } = given;
  return {
    kind,
    text,
    aliases,
    about,
    supersedes,
    private: given.private ?? false,
    trust: source === undefined ? 'own' : 'third-party',
    source: source ?? null,
    origin: 'agent',
  };
}

const noteOf = (duplicate: boolean, redacted: readonly string[]) =>
  [
    duplicate && 'You had it already; nothing was added.',
    redacted.length > 0 && `Taken out as credentials: ${redacted.join(', ')}.`,
  ]
    .filter(Boolean)
    .join(' ');
