import { memoryId } from '../core/ids.ts';
import { append } from '../core/record.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import { lockInLine } from '../core/store/line.ts';
import type { Row } from '../core/store/schema.ts';
import type { Store, Tx } from '../core/store/store.ts';
import { type Entry, oneLine, remember } from './keep.ts';
import { displayed, type FileLine, isRendering, parseMemory, sealOf, withoutMarks } from './memory_file.ts';
import { endEntries, entitiesOf, renderedFile, saveRendered } from './queries.ts';
import { findRows } from './search/queries.ts';

/** What a hand's edit did, as ids of entries. */
export interface Taken {
  added: number[];
  /** New entries that took the place of others. */
  changed: number[];
  /** Entries that count no more. */
  ended: number[];
  /** New entries beside ones that the store had changed meanwhile. */
  conflicts: number[];
}

interface Whose {
  agent: string;
  role: string;
  now: number;
}

/** A piece of text that belongs to no entry is cut into entries of this many characters. */
const LONGEST_LOOSE = 1500;

export const nothingTaken = (): Taken => ({ added: [], changed: [], ended: [], conflicts: [] });

/**
 * Takes what a hand changed in a MEMORY.md into the store, three ways: against what was rendered, and against what
 * the store holds now. A new line is a new entry, a changed one supersedes, a removed one counts no more; an entry
 * changed on both sides keeps both. A text in which no section is left removes nothing, and what is new in it becomes
 * entries. The same text is taken in once, however often it is given.
 */
export async function takeIn(
  store: Pick<Store, 'dialect'>,
  tx: Tx,
  whose: Whose,
  given: string,
): Promise<Taken> {
  const text = given.toWellFormed().replaceAll('\0', '');
  const taken = nothingTaken();
  await lockInLine(tx, `memory:${whose.agent}`);
  const base = await renderedFile(tx, whose.agent);
  if (base?.digest === sha256Hex(text) || isRendering(text)) return taken;
  const before = base ? parseMemory(base.body) : undefined;
  const file = parseMemory(text);
  const rows = await knownRows(tx, whose.agent, [...file.lines, ...(before?.lines ?? [])]);
  const shown = (line: FileLine) => (line.id === null ? undefined : rows.get(line.id));
  const untouched = new Set(
    file.lines.filter((line) => line.text === displayedOf(shown(line))).map(({ id }) => id),
  );
  const seen = new Set<number>();
  const fresh: FileLine[] = [];
  for (const line of file.lines) {
    const row = shown(line);
    if (!row)
      fresh.push(line.id === null ? line : { ...line, text: `${line.text} [${memoryId(line.id)}]`.trim() });
    else if (seen.has(row.id) || (untouched.has(row.id) && line.text !== displayed(row))) fresh.push(line);
    else if (line.text !== '') {
      seen.add(row.id);
      await takeChange(tx, whose, { ...line, kind: file.hasSections ? line.kind : null }, row, taken);
    }
  }
  const known = new Set(before?.lines.filter(({ id }) => id === null).map(({ text: one }) => one));
  const news = fresh.filter(({ text: one }) => one !== '' && !known.has(one));
  const loose = file.loose.filter((line) => !before?.loose.includes(line));
  await takeNews(tx, whose, file.hasSections ? news : [], taken);
  await takeLoose(
    tx,
    whose,
    file.hasSections ? loose : [...news.map(({ text: one }) => one), ...loose],
    taken,
  );
  if (before && file.hasSections && sealOf(text) === sealOf(base?.body ?? ''))
    taken.ended = await endMissing(tx, whose, before.lines, seen);
  await saveRendered(tx, { agent: whose.agent, body: text, digest: sha256Hex(text), rendered_at: whose.now });
  if (Object.values(taken).some((ids) => ids.length > 0))
    await append(store, tx, {
      at: whose.now,
      session: 'hand',
      agent: whose.agent,
      role: whose.role,
      event: 'memory.taken-in',
      subject: `memory:${whose.agent}`,
      body: taken,
    });
  return taken;
}

const displayedOf = (row: Row<'memories'> | undefined) => row && displayed(row);

type Entries = ReadonlyMap<number, Row<'memories'>>;

/** The agent's own entries that the lines name. */
async function knownRows(tx: Tx, agent: string, lines: readonly FileLine[]): Promise<Entries> {
  const ids = [...new Set(lines.flatMap(({ id }) => (id === null ? [] : [id])))];
  const rows = await findRows(tx, ids);
  return new Map(rows.filter((row) => row.agent === agent).map((row) => [row.id, row]));
}

async function takeChange(
  tx: Tx,
  whose: Whose,
  line: FileLine,
  row: Row<'memories'>,
  taken: Taken,
): Promise<void> {
  const kind = row.trust === 'third-party' ? row.kind : (line.kind ?? row.kind);
  if (line.text === displayed(row) && kind === row.kind) return;
  const text = withoutMarks(line.text, row);
  const newest = await headOf(tx, row);
  if (newest.id !== row.id && oneLine(newest.text) === text) return;
  const about = (await entitiesOf(tx, [row.id])).get(row.id) ?? [];
  const inConflict = row.valid_to !== null;
  const entry: Entry = {
    kind,
    text,
    about,
    aliases: row.aliases.split('\n').filter(Boolean),
    tags: inConflict ? [`conflict-${memoryId(newest.id)}`] : [],
    trust: row.trust,
    source: row.source,
    private: row.private === 1,
    supersedes: inConflict ? [] : [row.id],
    origin: 'hand',
  };
  const { id, duplicate } = await byHand(tx, whose, entry);
  if (!duplicate) (inConflict ? taken.conflicts : taken.changed).push(id);
}

/** The entry that stands in the place of this one now. */
async function headOf(tx: Tx, row: Row<'memories'>): Promise<Row<'memories'>> {
  let head = row;
  while (head.superseded_by !== null) {
    const [next] = await findRows(tx, [head.superseded_by]);
    if (!next) return head;
    head = next;
  }
  return head;
}

async function takeNews(tx: Tx, whose: Whose, lines: readonly FileLine[], taken: Taken): Promise<void> {
  for (const { kind, text } of lines) {
    const { id, duplicate } = await byHand(tx, whose, { kind: kind ?? 'fact', text, origin: 'hand' });
    if (!duplicate) taken.added.push(id);
  }
}

async function takeLoose(tx: Tx, whose: Whose, lines: readonly string[], taken: Taken): Promise<void> {
  const text = lines.join('\n').trim();
  for (let at = 0; at < text.length; at += LONGEST_LOOSE) {
    const piece = text
      .slice(at, at + LONGEST_LOOSE)
      .toWellFormed()
      .trim();
    if (piece !== '') await takeNews(tx, whose, [{ kind: 'fact', text: piece, id: null }], taken);
  }
}

const byHand = (tx: Tx, { agent, role, now }: Whose, entry: Entry) =>
  remember(tx, { agent, role, session: null, task: null, commit: null, now }, entry);

/** What was shown and is gone counts no more; what the store has put in its place meanwhile stays. */
function endMissing(tx: Tx, { agent, now }: Whose, before: readonly FileLine[], seen: ReadonlySet<number>) {
  const gone = before.flatMap(({ id }) => (id === null || seen.has(id) ? [] : [id]));
  return endEntries(tx, agent, gone, null, now);
}
