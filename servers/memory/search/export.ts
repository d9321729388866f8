import { taskId } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import type { Db } from '../../core/store/store.ts';
import { entitiesOf } from '../queries.ts';
import { entriesAfter, outsideId, supersededNames } from './queries.ts';

const PAGE = 1_000;

/**
 * Every entry, the superseded and private ones too, as lines that `memory import` takes: in order of id, with a
 * line end each. Of one agent when one is named.
 */
export async function* exportedLines(db: Db, agent?: string): AsyncGenerator<string> {
  const older = await supersededNames(db);
  for (let after = 0; ; ) {
    const rows = await entriesAfter(db, after, PAGE, agent);
    const last = rows.at(-1);
    if (!last) return;
    after = last.id;
    const about = await entitiesOf(
      db,
      rows.map(({ id }) => id),
    );
    for (const row of rows)
      yield `${JSON.stringify(lineOf(row, about.get(row.id) ?? [], older.get(row.id) ?? []))}\n`;
  }
}

function lineOf(row: Row<'memories'>, about: readonly string[], supersedes: readonly string[]) {
  const time = (at: number) => new Date(at).toISOString();
  return {
    id: outsideId(row),
    text: row.text,
    kind: row.kind,
    time: time(row.recorded_at),
    tags: row.tags.split(' ').filter(Boolean),
    source: row.source ?? provenance(row),
    agent: row.agent,
    role: row.role,
    aliases: row.aliases.split('\n').filter(Boolean),
    about,
    supersedes,
    trust: row.trust,
    private: row.private === 1,
    valid_from: time(row.valid_from),
    valid_to: row.valid_to === null ? null : time(row.valid_to),
  };
}

/** Session, task and commit mean nothing in another store, but they say where an entry comes from. */
function provenance({ session, task, commit_id }: Row<'memories'>): string | null {
  const parts = [session, task === null ? null : taskId(task), commit_id];
  return parts.filter((part) => part !== null).join(' ') || null;
}
