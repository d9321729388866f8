import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { addHuman } from './human.ts';
import { Progress } from './progress.ts';
import { type Rehearsal, readBack, refusals } from './result.ts';
import { type Stage, setStage } from './stage.ts';
import { buildSteps } from './steps/build.ts';
import { documentSteps } from './steps/documents.ts';
import { judgingSteps } from './steps/judge.ts';
import type { Kit, Performance } from './steps/kit.ts';
import { tryRights } from './steps/rights.ts';
import { shippingSteps } from './steps/ship.ts';
import { shipVersions } from './steps/versions.ts';
import { printTable } from './table.ts';
import { REQUEST } from './texts.ts';

export interface RehearseOptions {
  /** `c-suite` (the default), `solo` or the path of a factory file. */
  factory?: string | undefined;
  /** Keep everything here instead of throwing it away. */
  keep?: string | undefined;
  json: boolean;
}

const PERFORMANCES: Record<string, Performance> = {
  ...documentSteps,
  ...buildSteps,
  ...judgingSteps,
  ...shippingSteps,
};

/**
 * Runs the product pipeline of a factory once from a request to a live product, with everything real but the
 * models' words, and prints what the record says of it. Resolves to the exit code: 0, or 1 when a step failed
 * or a refusal did not happen; 130 when interrupted. On a terminal the product stays up until Ctrl-C.
 */
export async function rehearse(options: RehearseOptions): Promise<number> {
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const progress = new Progress({ quiet: options.json && !process.stderr.isTTY });
  let stage: Stage | undefined;
  try {
    progress.phase('Setting the stage');
    stage = await setStage({
      factory: options.factory ?? 'c-suite',
      keep: options.keep,
      signal: interrupted.signal,
    });
    const result = await Promise.race([perform(stage, progress), aborted(interrupted.signal)]);
    progress.stop();
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : printTable(result, process.stdout));
    if (!options.json && process.stdout.isTTY && result.release)
      await keepUp(result.release.url, interrupted.signal);
    return result.ok ? 0 : 1;
  } catch (error) {
    progress.stop();
    if (interrupted.signal.aborted) return 130;
    const message = error instanceof Error ? error.message : String(error);
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ ok: false, error: { code: 'REHEARSAL', message, remedy: REMEDY } })}\n`,
      );
    else process.stderr.write(`The rehearsal failed: ${message}\n${REMEDY}\n`);
    return 1;
  } finally {
    await stage?.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
}

const REMEDY = 'Run `millwright doctor`, or again with --keep DIR to look at what it left.';

async function perform(stage: Stage, progress: Progress): Promise<Rehearsal> {
  const since = performance.now();
  const kit: Kit = {
    stage,
    progress,
    human: await addHuman(stage),
    pipeline: '',
    expected: [],
    recovered: [],
    signatures: new Map(),
    hostSession: randomUUID(),
    lesson: '',
    moved: '',
    url: '',
  };
  const lead = await stage.actor(stage.factory.roles[stage.factory.lead]?.agents[0] ?? '');
  kit.pipeline = (await lead.do('pipeline_start', { pipeline: 'product', request: REQUEST })).pipeline;
  progress.done(lead.agent, `started ${kit.pipeline}: ${REQUEST}`);
  await tryRights(kit);
  // In a factory that lets somebody do what nobody may, the rest would prove nothing.
  const { missing } = await refusals(kit);
  const told = { request: REQUEST, since };
  if (missing.length > 0) return readBack(kit, { ...told, times: new Map(), versions: [] });
  try {
    const times = await runPhases(kit);
    const versions = kit.url === '' ? [] : await shipVersions(kit, `${kit.url}/wall`);
    return await readBack(kit, { ...told, times, versions });
  } finally {
    await Promise.allSettled(kit.prepared ?? []);
  }
}

/** Takes task after task, in whatever order the servers make them ready, until the pipeline has ended. */
async function runPhases(kit: Kit): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  const lead = await kit.stage.actor(kit.stage.factory.roles[kit.stage.factory.lead]?.agents[0] ?? '');
  for (;;) {
    const shown = await lead.do('pipeline_show', { pipeline: kit.pipeline });
    if (shown.state !== 'running') {
      if (shown.state !== 'done') throw new Error(`The pipeline ended as ${shown.state}.`);
      return times;
    }
    const ready = firstReady(shown.phases);
    if (!ready) throw new Error('No task is ready and the pipeline has not ended.');
    const play = PERFORMANCES[ready.step];
    if (!play)
      throw new Error(
        `The rehearsal does not know the step "${ready.step}" of this factory's product pipeline.`,
      );
    const actor = await kit.stage.actor(kit.stage.agentFor(ready.role));
    const since = performance.now();
    kit.progress.phase(ready.phase);
    await actor.do('task_checkout', { task: ready.task });
    await play(actor, kit, ready.task);
    times.set(ready.phase, (times.get(ready.phase) ?? 0) + performance.now() - since);
  }
}

type Shown = { phase: string; tasks: { task: string; step: string; role: string; state: string }[] }[];

function firstReady(phases: Shown) {
  for (const { phase, tasks } of phases) {
    const task = tasks.find(({ state }) => state === 'ready');
    if (task) return { phase, ...task };
  }
  return undefined;
}

async function keepUp(url: string, signal: AbortSignal): Promise<void> {
  process.stderr.write(`\nThe product answers at ${url}. Ctrl-C ends the rehearsal.\n`);
  while (!signal.aborted) await sleep(60_000, undefined, { signal }).catch(() => {});
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true }),
  );
}
