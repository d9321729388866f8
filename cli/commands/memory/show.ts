import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { memoryId, taskId } from '../../../servers/core/ids.ts';
import type { Services } from '../../../servers/core/services.ts';
import { memoryFile, syncMemory } from '../../../servers/memory/render.ts';
import { agentsOf, refuseUnknownAgent } from '../../agents.ts';
import { withFactory } from '../../factories.ts';
import { handled } from '../../handled.ts';
import { minuteOf, type Result, shown, table, when } from '../../io.ts';
import { entriesOfAgent, memoryCounts } from '../../memory_queries.ts';

const MOST_ENTRIES = 10_000;

export function show(memory: Command): void {
  memory
    .command('show [agent]')
    .description("an agent's MEMORY.md; without an agent, who remembers how much")
    .option('--all', 'every entry, also those that were superseded')
    .action(
      handled<{ all?: boolean }>((_io, { all, ...options }, agent) =>
        withFactory(options, (services) =>
          agent === undefined ? overview(services) : ofAgent(services, agent, all === true),
        ),
      ),
    );
}

async function overview(services: Services): Promise<Result> {
  const counts = new Map((await memoryCounts(services.store.db)).map((row) => [row.agent, row]));
  const { factory } = await services.factory();
  const agents = agentsOf(factory).map(({ agent, role }) => {
    const { live = 0, all = 0, last = null } = counts.get(agent) ?? {};
    return { agent, role, live: Number(live), all: Number(all), last: last === null ? null : when(last) };
  });
  const rows = agents.map(({ agent, role, live, all, last }) => [
    agent,
    role,
    String(live),
    String(all),
    last ?? 'never',
  ]);
  return { value: { agents }, text: table(['agent', 'role', 'live', 'all', 'last written'], rows) };
}

/** A hand's edit is taken in first, so that what is shown is what is so. */
async function ofAgent(services: Services, agent: string, all: boolean): Promise<Result> {
  await refuseUnknownAgent(services, agent);
  await syncMemory(services, agent);
  const file = memoryFile(services.paths, agent);
  const entries = (await entriesOfAgent(services.store.db, agent, all, MOST_ENTRIES)).map((row) => ({
    id: memoryId(row.id),
    kind: row.kind,
    text: row.text,
    origin: row.origin,
    trust: row.trust,
    source: row.source,
    session: row.session,
    task: row.task === null ? null : taskId(row.task),
    commit: row.commit_id,
    private: row.private === 1,
    recorded: when(row.recorded_at),
    validFrom: when(row.valid_from),
    validTo: row.valid_to === null ? null : when(row.valid_to),
    supersededBy: row.superseded_by === null ? null : memoryId(row.superseded_by),
  }));
  const rows = entries.map(({ id, kind, recorded, supersededBy, validTo, text }) => [
    id,
    kind,
    minuteOf(Date.parse(recorded)),
    supersededBy ?? (validTo === null ? '' : 'ended'),
    shown(text, 200),
  ]);
  const text = all
    ? table(['id', 'kind', 'recorded', 'now', 'text'], rows)
    : (await readFile(file, 'utf8'))
        .split('\n')
        .map((line) => shown(line))
        .join('\n');
  return { value: { agent, file, entries }, text };
}
