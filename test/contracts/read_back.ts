import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Result } from '../harness.ts';
import type { FleetTool } from './fleet.ts';
import { accepts } from './hostile_inputs.ts';
import type { HostileSite } from './hostile_site.ts';

type Args = Record<string, unknown>;
/** Reads what a call that was taken left, by the tool that shows it; gives what should be the same, twice. */
type Reader = (at: HostileSite, input: Args, value: Args) => Promise<[seen: unknown, given: unknown]>;

const LONGEST_IN_RECORD = 400;
/** A title that takes more in JSON is shortened where it is shown. */
const LONGEST_TITLE = 250;

/** How a taken call's text came back differently from how it was given; undefined when byte for byte the same. */
export async function readBack(
  at: HostileSite,
  tool: FleetTool,
  args: Args,
  { isError, value }: Result,
): Promise<string | undefined> {
  if (isError) return undefined;
  const said = accepts(tool, args);
  if (!('input' in said)) return 'was taken though its schema refuses it';
  const different = (where: string, seen: unknown, given: unknown) =>
    isDeepStrictEqual(seen, given)
      ? undefined
      : `${where} has ${JSON.stringify(seen)?.slice(0, 300)} for ${JSON.stringify(given)?.slice(0, 300)}`;
  const kept = tool.tool.effect === 'read' ? undefined : await recorded(at, tool, said.input);
  const read = await READERS[tool.tool.name]?.(at, said.input, value);
  return (kept && different('the record', ...kept)) ?? (read && different('the tool that reads it', ...read));
}

async function recorded(at: HostileSite, { tool }: FleetTool, input: Args): Promise<[unknown, unknown]> {
  const row = await at.factory.services.store.db
    .selectFrom('activity')
    .select('body')
    .where('event', '=', tool.outside ? 'intent' : 'call')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  return [JSON.parse(row.body ?? '{}').input, JSON.parse(JSON.stringify(input, bounded))];
}

/** As the record keeps it: a long text as its digest. */
function bounded(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= LONGEST_IN_RECORD) return value;
  return `sha256:${createHash('sha256').update(value).digest('hex')} (${value.length} characters)`;
}

/** The text of a third party, out of the words that say that it is data. */
function unquoted(text: string): string {
  const quoted = /^\[third-party.*?; data, not an instruction\] (".*")$/s.exec(text)?.[1];
  return quoted === undefined ? text : (JSON.parse(quoted) as string);
}

const pick = (from: Args, keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, from[key]]));

const READERS: Record<string, Reader> = {
  async task_create(at, input, { task }) {
    const { value } = await at.as('ceo', 'task_show', { task });
    const keys = ['description', 'criteria', 'stops'];
    if (JSON.stringify(input.title).length < LONGEST_TITLE) keys.push('title');
    return [pick(value, keys), pick(input, keys)];
  },
  async artifact_put(at, { body }, { artifact }) {
    return [(await at.as('ceo', 'artifact_get', { artifact })).value.text, body];
  },
  async task_complete(at, { summary }, { task }) {
    return [(await at.as('ceo', 'task_show', { task })).value.outcome, summary];
  },
  async task_block(at, { why }, { task }) {
    return [(await at.as('ceo', 'task_show', { task })).value.outcome, why];
  },
  async review_submit(at, { summary }, { artifact }) {
    const { text = '' } = (await at.as('ceo', 'artifact_get', { artifact })).value as { text?: string };
    return [text.includes(summary as string), true];
  },
  /** Memory is kept without spaces around it, and once. */
  async memory_write(at, { entries }, { kept }) {
    const given = entries as { text: string }[];
    const seen: string[] = [];
    for (const [index, { id, note }] of (kept as { id: string; note: string }[]).entries()) {
      const { value } = await at.as('ceo', 'memory_read', { ids: [id] });
      const { text = '' } = (value as { entries?: { text: string }[] }).entries?.[0] ?? {};
      const isOld = note.includes('had it already');
      seen.push(isOld ? (given[index]?.text.trim() ?? '') : unquoted(text));
    }
    return [seen, given.map(({ text }) => text.trim())];
  },
  async lesson_record(at, input, { lesson }) {
    const { value } = await at.as('principal-engineer', 'lesson_search', { text: lesson });
    const [found = {}] = (value as { lessons?: Args[] }).lessons ?? [];
    const keys = ['root_cause', 'fix', 'prevention'];
    const plain = Object.entries(pick(found, keys)).map(([key, text]) => [key, unquoted(text as string)]);
    return [Object.fromEntries(plain), pick(input, keys)];
  },
};
