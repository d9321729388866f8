import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Answer } from '../../../servers/core/answers.ts';
import { answerCall } from '../../../servers/core/call.ts';
import { type Applied, loadApplied } from '../../../servers/core/factory/applied.ts';
import { applyFirstDefinition, enrol } from '../../../servers/core/factory/create.ts';
import type { DefinitionFiles } from '../../../servers/core/factory/parse.ts';
import { openSession } from '../../../servers/core/identity.ts';
import { JobQueue } from '../../../servers/core/jobs.ts';
import { factoryPaths } from '../../../servers/core/paths.ts';
import { verifyRecord } from '../../../servers/core/record.ts';
import type { Services } from '../../../servers/core/services.ts';
import { SweepGuard } from '../../../servers/core/sweeper.ts';
import type { Fleet } from '../../../servers/fleet.ts';
import { TestClock } from '../../harness.ts';
import { newStore } from '../../store/stores.ts';

/** The real thing that a model is compared with: a store, the pipeline of calls, and a clock that steps move. */
export interface Machine {
  readonly services: Services;
  readonly clock: TestClock;
  readonly fleet: Fleet;
  /** A new session of an agent, by its id. */
  newSession(agent: string): Promise<string>;
}

export type Step<Model extends object> = fc.AsyncCommand<Model, Machine>;

/** How a run that failed once is run again: what fast-check printed, shrunk. */
export interface Kept {
  seed: number;
  path: string;
  replayPath: string;
}

/** Runs are multiplied by this: `MODEL_RUNS=50 npx vitest run test/core`. */
const MORE = Number(process.env.MODEL_RUNS ?? 1);

/** A factory in this process, without HTTP. */
export async function startMachine(fleet: Fleet, files: DefinitionFiles): Promise<Machine> {
  const clock = new TestClock();
  const { store, location } = await newStore('sqlite');
  let applied: Applied | undefined;
  const unused = () => Promise.reject(new Error('not part of a model'));
  const services: Services = {
    paths: factoryPaths(dirname(location)),
    store,
    clock,
    jobs: new JobQueue({}),
    runsAs: new Map(),
    sweepGuard: new SweepGuard(clock.now()),
    factory: async () => applied ?? loadApplied(store.db),
    sandbox: unused,
    target: unused,
    key: unused,
    secrets: unused,
    log: () => {},
  };
  await applyFirstDefinition(services, files, 'initial');
  applied = await loadApplied(store.db);
  const tokens = new Map<string, Promise<string>>();
  const tokenOf = async (agent: string) =>
    (JSON.parse(await readFile(await enrol(services, agent), 'utf8')) as { token: string }).token;
  return {
    services,
    clock,
    fleet,
    async newSession(agent) {
      const token = tokens.get(agent) ?? tokenOf(agent);
      tokens.set(agent, token);
      return (await openSession(services, await token)).id;
    },
  };
}

/** What every machine must show at its end. */
async function finishMachine({ services }: Machine): Promise<void> {
  expect(await verifyRecord(services.store.db)).toMatchObject({ ok: true });
  await services.store.close();
}

/**
 * Runs the kept failures first, then new ones.
 *
 * @param prepare a fresh model and machine; its record is verified afterwards
 */
export async function explore<Model extends object>(
  steps: fc.Arbitrary<Step<Model>>[],
  prepare: () => Promise<{ model: Model; real: Machine }>,
  { runs, commands: maxCommands, kept }: { runs: number; commands: number; kept: readonly Kept[] },
): Promise<void> {
  let running: Machine | undefined;
  const setup = async () => {
    const made = await prepare();
    running = made.real;
    return made;
  };
  const property = (replayPath?: string) =>
    fc
      .asyncProperty(
        fc.commands(steps, { maxCommands, size: 'max', ...(replayPath !== undefined && { replayPath }) }),
        (all) => fc.asyncModelRun(setup, all),
      )
      .afterEach(async () => {
        const real = running;
        running = undefined;
        if (real) await finishMachine(real);
      });
  for (const { seed, path, replayPath } of kept)
    await fc.assert(property(replayPath), { seed, path, numRuns: 1, unbiased: true, endOnFailure: true });
  await fc.assert(property(), { numRuns: runs * MORE, unbiased: true });
}

/** Runs one tool as one session, and checks that exactly the expected entries enter the record. */
export async function callTool(
  real: Machine,
  session: string,
  tool: string,
  args: object,
  expected: { code: string; swept?: number },
): Promise<Answer & { value?: unknown }> {
  const [calls, lapses] = [await entries(real, 'call'), await entries(real, 'lease.expired')];
  const request = { name: tool, arguments: args, signal: new AbortController().signal };
  const answer = await answerCall(real.fleet.tools, real.services, session, request);
  const [code, text] = answer.ok ? ['ok', answer.text] : [answer.error.code, answer.error.render()];
  expect(code, `${tool}: ${text}`).toBe(expected.code);
  const isOk = expected.code === 'ok';
  expect((await entries(real, 'call')) - calls).toBe(isOk ? 1 : 0);
  expect((await entries(real, 'lease.expired')) - lapses).toBe(isOk ? (expected.swept ?? 0) : 0);
  return answer;
}

export async function entries({ services }: Machine, event: string): Promise<number> {
  const found = services.store.db.selectFrom('activity').select('seq').where('event', '=', event);
  return (await found.execute()).length;
}
