import * as z from 'zod';
import type { Row } from '../../core/store/schema.ts';
import { digestOf, entityName, oneLine } from '../keep.ts';
import { redact } from '../redact.ts';

export const KINDS = ['fact', 'decision', 'thread', 'next'] as const;
const id = z.union([z.string().trim().min(1).max(100), z.int()]).transform(String);
const words = (longest: number) => z.string().max(longest);
const time = z
  .union([z.iso.datetime({ offset: true, local: true }), z.iso.date(), z.int()])
  .transform((given) => new Date(given).getTime());

/** One entry as a line of JSON, in and out. What else a line says is left aside. */
const lineSchema = z.object({
  id,
  text: words(20_000),
  /** Other memories keep lessons among their entries: here such a one is a fact with that tag. */
  kind: z.enum([...KINDS, 'lesson']).default('fact'),
  time,
  tags: z.array(words(100)).max(50).default([]),
  source: words(500).nullish(),
  agent: words(40).optional(),
  role: words(40).optional(),
  aliases: z.array(words(500)).max(20).default([]),
  about: z.array(words(200)).max(20).default([]),
  supersedes: z.union([id.transform((one) => [one]), z.array(id).max(50)]).default([]),
  trust: z.enum(['own', 'third-party']).default('own'),
  private: z.boolean().default(false),
  valid_from: time.optional(),
  valid_to: time.nullish(),
});

/** A line of the file as it will stand in the store, `n` being its number; lists are JSON. */
export interface Staged
  extends Pick<
    Row<'memories'>,
    | 'agent'
    | 'role'
    | 'kind'
    | 'text'
    | 'aliases'
    | 'tags'
    | 'trust'
    | 'source'
    | 'private'
    | 'recorded_at'
    | 'valid_from'
    | 'valid_to'
    | 'digest'
  > {
  n: number;
  foreign_id: string;
  about: string;
  supersedes: string;
}

/** What is not in a line: whose it is when it does not say so, and the role of an agent; undefined for none. */
export interface Owner {
  readonly agent?: string | undefined;
  roleOf(agent: string): string | undefined;
  /** Marks every entry as written by somebody outside the factory. */
  readonly thirdParty?: boolean;
}

/** Reads one line, without what looks like a credential. Throws an `Error` that says in a sentence what is wrong. */
export function readLine(text: string, n: number, owner: Owner): Staged {
  const given = lineSchema.safeParse(parsed(text));
  if (!given.success) {
    const [issue] = given.error.issues;
    throw new Error(`${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'is not an entry'}`);
  }
  const line = given.data;
  const agent = line.agent ?? owner.agent;
  if (!agent) throw new Error('it names no agent');
  const role = owner.roleOf(agent) ?? line.role;
  if (!role) throw new Error(`"${agent}" is no agent of this factory`);
  const body = redact(line.text).trim();
  if (body === '') throw new Error('text: says nothing');
  const [kind, tags] =
    line.kind === 'lesson' ? (['fact', [...line.tags, 'lesson']] as const) : [line.kind, line.tags];
  const trust = owner.thirdParty ? 'third-party' : line.trust;
  if (trust === 'third-party' && kind !== 'fact')
    throw new Error(`kind: what a third party wrote is a fact, no ${kind}`);
  return {
    n,
    foreign_id: line.id,
    agent,
    role,
    kind,
    text: body,
    aliases: line.aliases.map((alias) => redact(oneLine(alias))).join('\n'),
    tags: tags.map((tag) => redact(tag.trim().replace(/\s+/g, '-'))).join(' '),
    trust,
    source: line.source ? redact(oneLine(line.source)) : null,
    private: line.private ? 1 : 0,
    recorded_at: line.time,
    valid_from: line.valid_from ?? line.time,
    valid_to: line.valid_to ?? null,
    digest: digestOf(kind, body),
    about: JSON.stringify(line.about.map(entityName)),
    supersedes: JSON.stringify(line.supersedes),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value) => (typeof value === 'string' ? storable(value) : value));
  } catch {
    throw new Error('it is no JSON');
  }
}

/** Neither database keeps a NUL or half a surrogate pair. */
const storable = (text: string) => text.toWellFormed().replaceAll('\0', '');
