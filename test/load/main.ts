import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../cli/failures.ts';
import { databaseUrl, startPostgres } from '../postgres.ts';
import { measureFlatness } from '../store/flat.ts';
import { makeFactory, PLANNER, readOutcome } from './factory.ts';
import { figuresOf } from './figures.ts';
import { type Options, optionsOf } from './options.ts';
import { Seat } from './seat.ts';
import { Server } from './servers.ts';
import { newTally, plan, type Tally, work } from './work.ts';

const PLANNERS = 4;
const RESTART_MS = 3_000;
const SAMPLE_MS = 5_000;
const SETTLE_MS = 60_000;
const servers: Server[] = [];

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--flat')) return measureFlatness(args.filter((arg) => arg !== '--flat'));
  const options = optionsOf(args);
  const over = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => over.abort());
  const home = await mkdtemp(join(tmpdir(), 'millwright-load-'));
  const postgres = options.servers > 1 ? await startPostgres() : undefined;
  try {
    const database = postgres && databaseUrl(postgres.url, 'postgres');
    const figures = await run(options, home, database, over.signal);
    process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
    if (options.out) {
      await mkdir(dirname(resolve(options.out)), { recursive: true });
      await writeFile(options.out, `${JSON.stringify(figures, null, 2)}\n`);
    }
    return figures.ok ? EXIT.ok : EXIT.failed;
  } finally {
    await Promise.all(servers.map((server) => server.end('SIGKILL')));
    await postgres?.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function run(options: Options, home: string, database: string | undefined, over: AbortSignal) {
  const { seconds, sessions, rate, killEvery } = options;
  const factoryHome = join(home, 'load');
  const tokens = await makeFactory(factoryHome, database);
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    MILLWRIGHT_HOME: home,
    ...(database && { DATABASE_URL: database }),
  };
  for (let n = 0; n < options.servers; n++) servers.push(new Server(env));
  await Promise.all(servers.map((server) => server.start()));
  const roles = [...tokens.keys()].filter((role) => role !== PLANNER);
  const seat = (role: string, n: number) => Seat.open(servers, tokens.get(role) as string, n);
  const planners = await Promise.all(Array.from({ length: PLANNERS }, (_, n) => seat(PLANNER, n)));
  const workers: { seat: Seat; role: string }[] = [];
  for (let n = 0; n < sessions; n++) {
    const role = roles[n % roles.length] as string;
    workers.push({ role, seat: await seat(role, n) });
  }

  const tally = newTally();
  const planning = new AbortController();
  const working = new AbortController();
  const failed = (error: unknown) => void (working.signal.aborted || tally.errors.push(String(error)));
  const shifts = workers.map((worker) => work(worker.seat, worker.role, tally, working.signal).catch(failed));
  const harm = killEvery > 0 ? harmServers(killEvery, planning.signal, tally) : undefined;
  const memory = watchMemory(planning.signal, tally);
  const plans = plan(planners, roles, rate, tally, planning.signal);
  await sleep(seconds * 1000, undefined, { signal: over }).catch(() => {});
  planning.abort();
  await plans;
  const kills = (await harm) ?? 0;
  const samples = await memory;
  await settled(tally);
  working.abort();
  await Promise.all(shifts);
  await Promise.all(servers.map((server) => server.end('SIGTERM')));
  return figuresOf(options, tally, samples, kills, await readOutcome(factoryHome, database));
}

/** Kills one server after the other and starts it again; gives how many were killed. */
async function harmServers(everySeconds: number, signal: AbortSignal, tally: Tally): Promise<number> {
  for (let kills = 0; ; kills++) {
    await sleep(everySeconds * 1000, undefined, { signal }).catch(() => {});
    if (signal.aborted) return kills;
    const server = servers[kills % servers.length] as Server;
    await server.end('SIGKILL');
    await sleep(RESTART_MS);
    await server.start().catch((error) => tally.errors.push(String(error)));
  }
}

/** The largest resident memory of a server at each sample, in megabytes. */
async function watchMemory(signal: AbortSignal, tally: Tally): Promise<number[]> {
  const samples: number[] = [];
  while (!signal.aborted) {
    await sleep(SAMPLE_MS, undefined, { signal }).catch(() => {});
    const sizes = await Promise.all(servers.map((server) => server.megabytes()));
    samples.push(Math.max(...sizes.filter(Number.isFinite)));
    const newest = samples.at(-1)?.toFixed(0);
    process.stderr.write(
      `${samples.length * (SAMPLE_MS / 1000)} s: ${tally.created} created, ${tally.completed} completed, ${tally.open.size} open, ${tally.errors.length} errors, ${newest} MB\n`,
    );
  }
  return samples;
}

async function settled(tally: Tally): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  while (tally.open.size > 0 && performance.now() < until) await sleep(100);
  await sleep(1_000);
}

process.exitCode = await main(process.argv.slice(2));
