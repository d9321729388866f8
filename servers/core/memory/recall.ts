import { sql } from 'kysely';
import { memoryId, taskId } from '../ids.ts';
import { prepared, unplanned } from '../store/prepared.ts';
import type { Row } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { changesSince } from './changes.ts';
import { said } from './said.ts';
import { atMostTokens, fitting } from './tokens.ts';

/** Live entries looked at, the newest first. */
const MOST_ENTRIES = 100;
const MOST_WARNINGS = 5;
const ORDER: readonly Row<'memories'>['kind'][] = ['next', 'thread', 'decision', 'fact'];

/** A live entry with what it is about; its text is `said` already. */
export interface Recalled {
  id: number;
  kind: Row<'memories'>['kind'];
  text: string;
  task: number | null;
  recorded_at: number;
  about: string[];
}

/**
 * What an agent's own memory brings into a brief: `warnings` about entries that are older than the state they
 * describe, and `lines`, those of the task first, then next step, open threads, decisions and facts, the newest
 * first, within the budget.
 */
export async function recall(
  db: Db,
  { agent, task }: { agent: string; role: string; task: number | null },
  budgetTokens: number,
): Promise<{ lines: string[]; warnings: string[] }> {
  const entries = await liveMemory(db, agent);
  if (entries.length === 0) return { lines: [], warnings: [] };
  const changes = (await changesSince(db, entries)).slice(0, MOST_WARNINGS);
  const warnings = fitting(changes, budgetTokens);
  const left = budgetTokens - atMostTokens(warnings.join('\n'));
  const rank = (entry: Recalled) => (entry.task === task ? 0 : ORDER.length) + ORDER.indexOf(entry.kind);
  const sorted = entries.toSorted((a, b) => rank(a) - rank(b));
  return { warnings, lines: fitting(sorted.map(lineOf), left) };
}

/** The newest live entries of an agent, the newest first. */
export async function liveMemory(db: Db, agent: string): Promise<Recalled[]> {
  const rows = await newestLive(db, { agent });
  return rows.map(({ names, ...row }) => ({
    ...row,
    text: said(row),
    about: names === null ? [] : names.split('\n'),
  }));
}

const newestLive = prepared<{ agent: string }>()((db, value) =>
  db
    .selectFrom('memories')
    .select(['id', 'kind', 'text', 'trust', 'source', 'task', 'recorded_at'])
    .select((eb) =>
      eb
        .selectFrom('memory_entities')
        .innerJoin('entities', 'entities.id', 'memory_entities.entity')
        .select(sql<string | null>`string_agg(entities.name, ${sql.lit('\n')})`.as('names'))
        .whereRef('memory_entities.memory', '=', 'memories.id')
        .as('names'),
    )
    .where('agent', '=', unplanned.text(value('agent')))
    .where('valid_to', 'is', null)
    .orderBy('recorded_at', 'desc')
    .orderBy('id', 'desc')
    .limit(sql.lit(MOST_ENTRIES)),
);

const lineOf = ({ id, kind, text, task, recorded_at }: Recalled) => {
  const day = new Date(recorded_at).toISOString().slice(0, 10);
  return `${memoryId(id)} ${kind}, ${day}${task === null ? '' : `, ${taskId(task)}`}: ${text}`;
};
