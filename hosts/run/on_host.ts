import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { type Choice, choicesOf, type Price } from '../../servers/core/factory/runs.ts';
import { giveFolder, type OsUser } from '../../servers/core/os_user.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { RunOutcome } from '../../servers/core/store/schema.ts';
import { identify } from '../../servers/core/target/local/processes.ts';
import type { AnyTool } from '../../servers/core/tool.ts';
import { runPrompt } from '../../servers/tasks/run_prompt.ts';
import { noteLaunch, noteProgress, usedSince } from '../../servers/tasks/runs_queries.ts';
import { claudeCode } from '../claude-code/launch.ts';
import { codex } from '../codex/launch.ts';
import { atMostEvery } from './at_most_every.ts';
import { layOutCard } from './card.ts';
import { mainlineWords } from './folder.ts';
import { policyFor } from './guard.ts';
import { microsOf, needsPrice, reached, tokensOf } from './limits.ts';
import type { HostPort, Seen } from './port.ts';
import type { Watchdog } from './process.ts';
import type { Run } from './session.ts';
import { environmentOf, type UserPool } from './users.ts';
import { type Cut, watchHost } from './watch.ts';

const PORTS: Readonly<Record<HostPort['kind'], HostPort>> = { 'claude-code': claudeCode, codex };
const DAY_MS = 86_400_000;
const NOTE_MS = 500;
export const LONGEST_SAID = 2000;

export interface Carrier {
  readonly services: Services;
  readonly tools: ReadonlyMap<string, AnyTool>;
  /** Where hosts reach the fleet: loopback, with `/mcp`. */
  readonly url: string;
  readonly watchdog: Watchdog;
  /** Where agents are users of the system other than this process's. */
  readonly users: UserPool | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface End {
  readonly outcome: RunOutcome;
  readonly said: string;
}

export const about = (run: Run) => ({
  session: 'server',
  agent: run.agent,
  role: run.role,
  subject: `run:${run.id}`,
});

/** Where one run works, and what it works with. */
export interface Place {
  readonly signal: AbortSignal;
  readonly folder: string;
  readonly cwd: string;
  readonly changes: boolean;
  readonly token: string;
  readonly totalMs: number;
  /** The user of the system that the host runs as, where agents are separate users. */
  readonly user: OsUser | undefined;
  touch(): void;
}

/** Tries the role's choices in their order; goes on to the next only when a host or its provider failed. */
export async function onFirstThatWorks(
  carrier: Carrier,
  factory: Factory,
  run: Run,
  place: Place,
): Promise<End> {
  const { services } = carrier;
  const role = factory.roles[run.role];
  const choices = role ? choicesOf(factory.hosts, role) : [];
  let end: End = { outcome: 'refused', said: 'The role has no host.' };
  for (const [n, choice] of choices.entries()) {
    end = await launchOn(carrier, factory, run, choice, { ...place, folder: join(place.folder, String(n)) });
    const next = choices[n + 1];
    if ((end.outcome !== 'failed' && end.outcome !== 'refused') || !next || place.signal.aborted) break;
    const why = `${nameOf(choice)} → ${nameOf(next)}: ${end.said}`;
    services.log(`run ${run.id} falls back, ${why}`);
    await services.store.transaction((tx) =>
      append(services.store, tx, { at: services.clock.now(), ...about(run), event: 'run.fallback', why }),
    );
  }
  return end;
}

const nameOf = ({ name, model }: Choice) => (model ? `${name} with ${model}` : name);

/** The price of the choice's model; undefined when nobody wrote one down. */
const priceOf = ({ host, model }: Choice): Price | undefined =>
  model === undefined ? undefined : host.prices[model];

async function launchOn(
  carrier: Carrier,
  factory: Factory,
  run: Run,
  choice: Choice,
  place: Place,
): Promise<End> {
  const { services, watchdog } = carrier;
  const price = priceOf(choice);
  if (needsPrice(factory) && !price) {
    const said = `Money is limited and ${nameOf(choice)} has no price in the factory file.`;
    return { outcome: 'refused', said };
  }
  const port = PORTS[choice.host.kind];
  const stream = port.stream();
  const others = () => usedSince(services.store.db, services.clock.now() - DAY_MS, run.id);
  let before = await others();
  const base = { turns: 0, tokens: 0, micros: 0, ...(await soFar(services, run)) };
  const { folder, user } = place;
  await mkdir(join(folder, 'tmp'), { recursive: true, mode: 0o700 });
  const launch = await port.launch({
    folder,
    cwd: place.cwd,
    prompt: runPrompt(run),
    words: await mainlineWords(services, choice.host.kind).catch(() => ''),
    url: carrier.url,
    token: place.token,
    choice,
    changes: place.changes,
    policy: await policyFor(factory, services.paths, { ...place, agent: run.agent }),
    env: user ? environmentOf(carrier.env, user, join(folder, 'tmp')) : carrier.env,
  });
  // All that is in it was written while nobody else could enter it.
  if (user) await giveFolder(folder, user);
  const note = (seen: Readonly<Seen>) =>
    services.store.transaction((tx) =>
      noteProgress(tx, run.id, {
        turns: base.turns + seen.turns,
        tokens: base.tokens + tokensOf(seen),
        micros: plus(base.micros, microsOf(seen, price)),
        event_at: services.clock.now(),
        said: seen.said.slice(0, LONGEST_SAID),
      }),
    );
  await layOutCard(services, run, place);
  const notes = atMostEvery(NOTE_MS, async () => {
    try {
      await note(stream.seen);
      before = await others();
      await layOutCard(services, run, place);
    } catch (error) {
      services.log(`run ${run.id}: ${String(error)}`);
    }
  });
  const watched = await watchHost({
    launch: { ...launch, user },
    watchdog,
    stream,
    silenceMs: factory.limits.run.silence * 1000,
    totalMs: place.totalMs,
    signal: place.signal,
    async started({ pid, mark }) {
      const process = JSON.stringify({ ...(await identify(pid)), mark });
      const launched = { host: choice.name, model: choice.model ?? null, process };
      await services.store.transaction(async (tx) => {
        await noteLaunch(tx, run.id, launched);
        await append(services.store, tx, {
          at: services.clock.now(),
          ...about(run),
          event: 'run.started',
          why: nameOf(choice),
        });
      });
    },
    event(seen) {
      place.touch();
      notes.ask();
      return reached(factory, seen, price, before);
    },
  }).catch((error: Error) => ({ exit: null, errors: error.message, cut: undefined as Cut | undefined }));
  await notes.stop();
  await note(stream.seen);
  const { cut, exit, errors } = watched;
  const { said, failure } = stream.seen;
  if (cut) return { outcome: cut.outcome, said: [cut.why, said].filter(Boolean).join(' It said last: ') };
  if (failure !== undefined) return { outcome: 'failed', said: failure };
  if (exit !== 0) return { outcome: 'failed', said: `It ended with ${exit}. ${errors.trim()}` };
  return { outcome: 'returned', said };
}

const plus = (before: number | null, now: number | null) =>
  before === null || now === null ? null : before + now;

/** What earlier choices of the same run used. */
async function soFar(services: Services, run: Run) {
  const row = await services.store.db
    .selectFrom('spawns')
    .select(['turns', 'tokens', 'micros'])
    .where('id', '=', run.id)
    .executeTakeFirst();
  return row && { ...row, micros: row.turns === 0 ? 0 : row.micros };
}
