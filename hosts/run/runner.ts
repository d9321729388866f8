import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { beatLeases, leaseMs } from '../../servers/core/leases.ts';
import type { OsUser } from '../../servers/core/os_user.ts';
import { killMarked } from '../../servers/core/sandbox/process-tree.ts';
import type { Services } from '../../servers/core/services.ts';
import { isRunning } from '../../servers/core/target/local/processes.ts';
import type { AnyTool } from '../../servers/core/tool.ts';
import {
  enterRunner,
  hasQueuedRun,
  leaveRunner,
  processesLeft,
  stopsNow,
  takeRun,
  usedSince,
  wantedStops,
} from '../../servers/tasks/runs_queries.ts';
import { carryOut } from './carry_out.ts';
import { dayIsUsed } from './limits.ts';
import { startWatchdog } from './process.ts';
import type { Run } from './session.ts';
import type { UserPool } from './users.ts';
import type { Cut } from './watch.ts';

const LOOK_MS = 1000;
/** Between two looks, however busy the store is. */
const PAUSE_MS = 100;
const DAY_MS = 86_400_000;

export interface RunnerOptions {
  readonly services: Services;
  readonly tools: ReadonlyMap<string, AnyTool>;
  /** Where the fleet is served on loopback, without a path. */
  readonly url: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where agents are users of the system other than this process's. */
  readonly users?: UserPool | undefined;
  /** Told when the queue has to wait, and for what. */
  readonly waits?: (why: string) => void;
}

export interface Runner {
  readonly id: string;
  /** Takes nothing more, ends what runs with its task given back, and resolves when no process is left. */
  stop(why: string): Promise<void>;
}

/**
 * Starts taking queued runs, so many at once as the factory file allows, and sees to each until it has ended. Stops of a
 * human are read before each launch, and end what runs within a second.
 */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const { services, tools, env, users } = options;
  const { store, clock } = services;
  const id = `runner:${randomUUID()}`;
  const watchdog = startWatchdog();
  const carrier = { services, tools, url: `${options.url}/mcp`, watchdog, users, env };
  const running = new Map<number, { run: Run; abort: AbortController; done: Promise<void> }>();
  const ending = new AbortController();
  let lastWait: string | undefined;

  const { factory: first } = await services.factory();
  await store.transaction((tx) => enterRunner(tx, id, clock.now() + leaseMs(first)));
  await endLeftovers(services);

  const waits = (why: string | undefined) => {
    if (why && why !== lastWait) options.waits?.(why);
    lastWait = why;
  };

  const take = async () => {
    const { factory } = await services.factory();
    const most = Math.min(factory.limits.parallel, users?.size ?? Number.POSITIVE_INFINITY);
    while (running.size < most && !ending.signal.aborted) {
      if (!(await hasQueuedRun(store.db))) return;
      const used = dayIsUsed(factory, await usedSince(store.db, clock.now() - DAY_MS));
      waits(used);
      if (used) return;
      const user = users?.take();
      if (users && !user) return waits("each user for agents has processes that are no run's; end them.");
      let began = false;
      try {
        began = await begin(factory, user);
      } finally {
        if (user && !began) await users?.giveBack(user);
      }
      if (!began) return;
    }
  };

  /** Takes one run and carries it out as `user`, who is given back at its end; false when there was none. */
  const begin = async (factory: Factory, user: OsUser | undefined) => {
    const now = clock.now();
    const run = await store.transaction(async (tx) =>
      takeRun(tx, { holder: id, stopped: await stopsNow(tx), now, endsAt: now + leaseMs(factory) }),
    );
    if (!run) return false;
    const abort = new AbortController();
    const done = carryOut(carrier, run, abort.signal, user)
      .then(() => user && users?.giveBack(user))
      .catch((error: unknown) => services.log(`run ${run.id}: ${String(error)}`))
      .finally(() => running.delete(run.id));
    running.set(run.id, { run, abort, done: done.then(() => undefined) });
    return true;
  };

  const stopWanted = async () => {
    if (running.size === 0) return;
    const scopes = await stopsNow(store.db);
    const wanted = new Map((await wantedStops(store.db, [...running.keys()])).map((row) => [row.id, row]));
    for (const { run, abort } of running.values()) {
      const row = wanted.get(run.id);
      const scope = scopes.find((one) => one === 'factory' || one === `role:${run.role}`);
      const lost = row?.state !== 'running' ? 'The run was ended by others: its lease was lost.' : undefined;
      const why = row?.stop_why ?? (scope && `A human stopped ${scope}.`) ?? lost;
      if (why) abort.abort({ outcome: 'stopped', why } satisfies Cut);
    }
  };

  let nextBeat = 0;
  const beat = async () => {
    const { factory } = await services.factory();
    const now = clock.now();
    if (now < nextBeat) return;
    nextBeat = now + factory.lease.beat * 500;
    await store.transaction((tx) => beatLeases(tx, id, now, now + leaseMs(factory)));
  };

  const loop = (async () => {
    while (!ending.signal.aborted) {
      const changed = store.changed(LOOK_MS, ending.signal);
      for (const step of [beat, stopWanted, take])
        await step().catch((error: unknown) => services.log(`runner: ${String(error)}`));
      await changed;
      await sleep(PAUSE_MS);
    }
  })();
  // What runs is beaten for also while the loop waits for the store, and for as long as runs take to end.
  const beats = setInterval(() => void beat().catch((error) => services.log(String(error))), LOOK_MS);

  return {
    id,
    async stop(why) {
      ending.abort();
      await loop;
      for (const { abort } of running.values()) abort.abort({ outcome: 'stopped', why } satisfies Cut);
      await Promise.all([...running.values()].map(({ done }) => done));
      clearInterval(beats);
      await store.transaction((tx) => leaveRunner(tx, id));
      await watchdog.stop();
    },
  };
}

/** Kills what a runner of this machine left behind, should its watchdog have died with it. */
async function endLeftovers({ store, clock, log }: Services): Promise<void> {
  for (const { id, process } of await processesLeft(store.db, clock.now() - DAY_MS)) {
    const { pid, start, mark } = JSON.parse(process ?? '{}') as {
      pid?: number;
      start?: string;
      mark?: string;
    };
    if (pid === undefined || start === undefined || !mark) continue;
    if (!(await isRunning({ pid, start }))) continue;
    log(`run ${id} was left by its runner; its processes are ended`);
    await killMarked(pid, mark);
  }
}
