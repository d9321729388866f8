import { chmod, realpath } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadApplied } from '../../servers/core/factory/applied.ts';
import { verifyAgainst } from '../../servers/core/heads.ts';
import { leaseMs } from '../../servers/core/leases.ts';
import { append } from '../../servers/core/record.ts';
import type { Readable } from '../../servers/core/store/catalog.ts';
import { type Copied, copyStore } from '../../servers/core/store/copy.ts';
import { endSessions } from '../../servers/core/store/handover.ts';
import { assertEmptyAt, openEmpty } from '../../servers/core/store/open_empty.ts';
import type { Store, Tx } from '../../servers/core/store/store.ts';
import { isPostgres } from '../../servers/core/store/store.ts';
import { findFactory, withFactory } from '../factories.ts';
import { addStop } from '../factory_queries.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { type Io, type Result, shown, when } from '../io.ts';
import { assertFilePlace, writable } from '../places.ts';
import { liveSessions } from '../session_queries.ts';
import { runningJobs } from '../status_queries.ts';
import { holdStore, inUse } from '../still_store.ts';

export function migrate(program: Command): void {
  program
    .command('migrate')
    .description(
      "copy the factory's whole store to a PostgreSQL database or a SQLite file, and verify it there; nothing else may use the factory",
    )
    .requiredOption('--to <place>', 'a PostgreSQL URL, or the path of a new file')
    .action(handled<{ to: string }>(run));
}

async function run(io: Io, options: { to: string } & GlobalOptions): Promise<Result> {
  const paths = await findFactory(options);
  const from = process.env.DATABASE_URL ?? paths.database;
  const to = isPostgres(options.to) ? options.to : resolve(options.to);
  if (await isSame(from, to)) throw same();
  // Opened as a server would open it: a database of another factory is refused.
  if (isPostgres(from)) await withFactory(options, async () => {});
  if (!isPostgres(to)) await assertFilePlace(to);
  await writable(to, () => assertEmptyAt(to));
  const moved = await holdStore(from, async (source, write) => {
    await assertIdle(source);
    const target = await writable(to, () => openEmpty(to));
    if (!isPostgres(to)) await chmod(to, 0o600);
    try {
      io.progress(`Copying ${publicName(from)} to ${publicName(to)}`);
      const copied = await writable(to, () => copyStore(source, target, io.progress));
      await assertHeadHolds(target, basename(paths.home), copied);
      const at = Date.now();
      await write((tx) => leave(source, tx, at, `moved to ${publicName(to)}`));
      await target.transaction((tx) => arrive(target, tx, at, publicName(from), copied));
      return copied;
    } finally {
      await target.close();
    }
  });
  const rows = moved.tables.reduce((sum, table) => sum + table.rows, 0);
  const next = useOf(to, paths.database);
  return {
    value: {
      from: publicName(from),
      to: publicName(to),
      verified: true,
      rows,
      tables: Object.fromEntries(moved.tables.map((table) => [table.name, table.rows])),
      record: moved.record,
      next,
    },
    text: [
      `${rows} rows of ${moved.tables.length} tables are copied, read back and equal.`,
      `The record's ${moved.record.entries} entries verify there; head ${moved.record.head}`,
      'The old store is kept, stopped (`millwright resume` there would undo the move), and its sessions are ended.',
      ...next,
    ].join('\n'),
  };
}

/** Nobody may work while the store moves: what they wrote to the old one would be lost. */
async function assertIdle({ db }: Readable): Promise<void> {
  const now = Date.now();
  const { factory } = await loadApplied(db);
  const beating = (await liveSessions(db, now)).filter(({ beat_at }) => beat_at > now - leaseMs(factory));
  const jobs = await runningJobs(db, now);
  const who = [
    ...beating.map(
      ({ id, agent, beat_at }) => `session ${id} of ${shown(agent, 60)} (beat ${when(beat_at)})`,
    ),
    ...jobs.map(({ id, kind }) => `job J-${id} (${shown(kind, 60)})`),
  ];
  if (who.length > 0) throw inUse(who);
}

/** What a head signed before the move promises must hold after it. */
async function assertHeadHolds({ db }: Store, factory: string, { record }: Copied): Promise<void> {
  const head = { factory, seq: record.entries, hash: record.head, at: Date.now() };
  const found = await verifyAgainst(db, factory, head);
  if (!found.ok)
    throw new Error(`The record of the copy does not verify at entry ${found.seq}: ${found.why}.`);
}

/** A process that still uses the old store takes no task there, and a session of it ends. */
async function leave(source: Readable, tx: Tx, at: number, why: string): Promise<void> {
  await endSessions(tx, at);
  await addStop(tx, 'factory', why, at);
  await append(source, tx, { ...OPERATOR, at, event: 'store.moved', why });
}

async function arrive(target: Store, tx: Tx, at: number, from: string, { record }: Copied): Promise<void> {
  await append(target, tx, {
    ...OPERATOR,
    at,
    event: 'store.arrived',
    why: `moved from ${from}`,
    body: record,
  });
}

const OPERATOR = { session: 'server', agent: 'operator', role: 'operator' };

function useOf(to: string, own: string): string[] {
  if (isPostgres(to)) {
    return [
      `From now on set DATABASE_URL to that database (${publicName(to)}) for every host, \`millwright up\` and command of this factory.`,
      'Check it with `millwright doctor`.',
    ];
  }
  if (to === own)
    return ['From now on run everything without DATABASE_URL.', 'Check it with `millwright doctor`.'];
  return [`To use it, put it in the place of ${own} and run everything without DATABASE_URL.`];
}

async function isSame(from: string, to: string): Promise<boolean> {
  if (isPostgres(from) || isPostgres(to)) return from === to;
  const real = (path: string) => realpath(path).catch(() => path);
  return (await real(from)) === (await real(to));
}

const same = () =>
  new CommandError('SAME_STORE', 'That is the store the factory uses.', 'Name another place.', EXIT.usage);

/** A location without what opens it. */
function publicName(location: string): string {
  if (!isPostgres(location)) return location;
  const { protocol, username, host, pathname } = new URL(location);
  return `${protocol}//${username && `${username}@`}${host}${pathname}`;
}
