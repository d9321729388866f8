import { ToolError } from '../core/errors.ts';
import { memoryId } from '../core/ids.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import { lockInLine } from '../core/store/line.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import {
  addNeighbour,
  endEntries,
  insertEntry,
  linkEntities,
  liveOfKind,
  liveTwin,
  newestEntries,
} from './queries.ts';
import { refuseOverQuota } from './quota.ts';
import { redact, redactedKinds } from './redact.ts';

/** How much of an entry stands beside its neighbours, in characters. */
export const LONGEST_NEIGHBOUR = 300;

/** Whose entry it is, and where it comes from. `perDay` bounds what an agent adds in 24 hours. */
export interface Writer {
  agent: string;
  role: string;
  session: string | null;
  task: number | null;
  commit: string | null;
  /** Milliseconds since 1970. */
  now: number;
  perDay?: number;
}

export interface Entry {
  kind: Row<'memories'>['kind'];
  text: string;
  aliases?: readonly string[];
  tags?: readonly string[];
  /** What it speaks of, as `kind:name`. */
  about?: readonly string[];
  /** Own live entries that it takes the place of. */
  supersedes?: readonly number[];
  trust?: Row<'memories'>['trust'];
  /** Where third-party text is from. */
  source?: string | null;
  private?: boolean;
  validFrom?: number;
  validTo?: number | null;
  origin: Row<'memories'>['origin'];
}

/** What became of an entry; a `duplicate` is the id of the live one that says the same, and nothing was added. */
export interface Kept {
  id: number;
  duplicate: boolean;
  /** Kinds of credentials that were taken out. */
  redacted: string[];
  superseded: number[];
}

/**
 * Adds one entry to an agent's memory, in the caller's transaction: without what looks like a credential, linked to
 * what it is about and to the entry before, and in place of what it supersedes. A new `next` takes the place of the
 * one before. Throws `INVALID_INPUT` for an empty text and for third-party text as anything but a fact, `LIMIT`
 * beyond the quota, `NOT_FOUND` for a superseded id that is no live entry of the agent.
 */
export async function remember(tx: Tx, writer: Writer, entry: Entry): Promise<Kept> {
  const { agent, now } = writer;
  const text = redact(entry.text).trim();
  const aliases = (entry.aliases ?? []).map((alias) => redact(oneLine(alias)));
  const source = entry.source ? redact(oneLine(entry.source)) : null;
  const about = (entry.about ?? []).map(entityName);
  const redacted = redactedKinds([text, ...aliases, source ?? '', ...about]);
  refuseMisfit(text, entry);

  await lockInLine(tx, `memory:${agent}`);
  const digest = digestOf(entry.kind, text);
  const supersedes = new Set(entry.supersedes);
  const [twin] = await liveTwin(tx, { agent, digest });
  if (twin && !supersedes.has(twin.id)) return { id: twin.id, duplicate: true, redacted, superseded: [] };
  if (writer.perDay !== undefined) await refuseOverQuota(tx, agent, writer.perDay, now);
  if (entry.kind === 'next' && entry.origin === 'agent')
    for (const { id } of await liveOfKind(tx, agent, 'next')) supersedes.add(id);

  const isPrivate = entry.private ? 1 : 0;
  const before = (await newestEntries(tx, { agent })).find((row) => row.private === isPrivate);
  const [row] = await insertEntry(tx, {
    agent,
    role: writer.role,
    kind: entry.kind,
    text,
    aliases: aliases.join('\n'),
    neighbours: before?.text.slice(0, LONGEST_NEIGHBOUR).toWellFormed() ?? '',
    tags: (entry.tags ?? []).map((tag) => redact(tag.replace(/\s+/g, '-'))).join(' '),
    origin: entry.origin,
    trust: entry.trust ?? 'own',
    source,
    session: writer.session,
    task: writer.task,
    commit_id: writer.commit,
    private: isPrivate,
    recorded_at: now,
    valid_from: entry.validFrom ?? now,
    valid_to: entry.validTo ?? null,
    digest,
  });
  const id = (row as { id: number }).id;
  if (before)
    await addNeighbour(tx, { id: before.id, text: `\n${text.slice(0, LONGEST_NEIGHBOUR).toWellFormed()}` });
  const superseded = await endEntries(tx, agent, [...supersedes], id, now);
  refuseUnknown(entry.supersedes ?? [], superseded);
  await linkEntities(tx, id, about);
  return { id, duplicate: false, redacted, superseded };
}

/** By which two entries of one kind count as the same: letters and spaces of any size. */
export const digestOf = (kind: string, text: string) => sha256Hex(`${kind}\n${oneLine(text).toLowerCase()}`);

/** `Release: Shop` and `release:shop` are one thing. */
export const entityName = (name: string) =>
  redact(oneLine(name))
    .toLowerCase()
    .replace(/\s*:\s*/, ':')
    .slice(0, 130);

/** A text with every run of white space as one space. */
export const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

function refuseMisfit(text: string, { trust, kind }: Entry): void {
  if (text === '')
    throw new ToolError(
      'INVALID_INPUT',
      'An entry without text says nothing.',
      'Call memory_write with what to remember.',
      {
        rule: 'memory.empty',
      },
    );
  if (trust === 'third-party' && kind !== 'fact')
    throw new ToolError(
      'INVALID_INPUT',
      'What a third party wrote is kept as a fact; it decides nothing and is no next step.',
      'Call memory_write with kind "fact" and the source, and say what you decide in an entry of your own.',
      { rule: 'memory.third-party' },
    );
}

function refuseUnknown(asked: readonly number[], superseded: readonly number[]): void {
  const missing = asked.find((id) => !superseded.includes(id));
  if (missing === undefined) return;
  throw new ToolError(
    'NOT_FOUND',
    `${memoryId(missing)} is no live entry of yours.`,
    'Call memory_read for your live entries.',
    { rule: 'memory.unknown' },
  );
}
