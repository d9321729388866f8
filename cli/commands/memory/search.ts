import { type Command, Option } from 'commander';
import { memoryId } from '../../../servers/core/ids.ts';
import type { Row } from '../../../servers/core/store/schema.ts';
import { search as searchMemory } from '../../../servers/memory/search/hybrid.ts';
import { KINDS } from '../../../servers/memory/search/line.ts';
import { findRows } from '../../../servers/memory/search/queries.ts';
import { TITLES } from '../../../servers/memory/search/titles.ts';
import { withFactory } from '../../factories.ts';
import { handled } from '../../handled.ts';
import { minuteOf, shown, table, when } from '../../io.ts';

interface SearchOptions {
  agent?: string;
  kind?: Row<'memories'>['kind'];
  history?: boolean;
}

export function search(memory: Command): void {
  memory
    .command('search <query...>')
    .description('the entries that answer a question best, of all agents')
    .option('--agent <name>', 'only of this agent, or of this role')
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(KINDS))
    .option('--history', 'also what was superseded or is over')
    .action(
      handled<SearchOptions>((io, { agent, kind, history, ...options }, ...query) =>
        withFactory(options, async (services) => {
          const { db } = services.store;
          const { found, note } = await searchMemory(
            services,
            query.flat().join(' '),
            { of: agent, kind, history },
            { now: services.clock.now(), limit: TITLES },
          );
          if (note !== undefined) io.progress(note);
          const rows = await findRows(
            db,
            found.map(({ id }) => id),
          );
          const entries = rows.map((row) => ({
            id: memoryId(row.id),
            foreignId: row.foreign_id,
            agent: row.agent,
            kind: row.kind,
            recorded: when(row.recorded_at),
            trust: row.trust,
            validTo: row.valid_to === null ? null : when(row.valid_to),
            supersededBy: row.superseded_by === null ? null : memoryId(row.superseded_by),
            text: row.text,
          }));
          const cells = entries.map(({ id, agent: of, recorded, trust, text }) => [
            id,
            of,
            minuteOf(Date.parse(recorded)),
            (trust === 'third-party' ? 'third-party: ' : '') + shown(text, 200),
          ]);
          return {
            value: { entries, note: note ?? null },
            text: entries.length === 0 ? 'Nothing found.' : table(['id', 'agent', 'recorded', 'text'], cells),
          };
        }),
      ),
    );
}
