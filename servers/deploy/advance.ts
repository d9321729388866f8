import * as z from 'zod';
import { ToolError } from '../core/errors.ts';
import { roleFor } from '../core/factory/parse.ts';
import { releaseId, taskId } from '../core/ids.ts';
import type { JobRunner } from '../core/jobs.ts';
import { refuseIfStopped } from '../core/kill.ts';
import type { Services } from '../core/services.ts';
import type { Row } from '../core/store/schema.ts';
import type { Finding } from './health/canary.ts';
import { holdProduct } from './hold.ts';
import { checksOf, keepStep, recordIntent, type Taker } from './progress.ts';
import { notBack, putBack } from './put_back.ts';
import { findRelease, insertFixTask, servedBefore } from './queries.ts';
import { isBeyond, nextStep, STEPS, type Step, standOf } from './steps.ts';
import { type Stepped, takeStep } from './take_step.ts';

/** What the job is given; `role` asked for it, `to` is the last step it may take. */
const advanceJob = z.strictObject({ release: z.int(), to: z.enum(STEPS), role: z.string() });

/** Where a release stands after the job: as far as was asked, or back with the reason and the task to mend it. */
export const advanceResult = z.object({
  done: z.literal(true),
  release: z.string(),
  state: z.string(),
  url: z.string().nullable(),
  why: z.string(),
  serves: z.string().nullable(),
  fix: z.string().optional(),
});
export type AdvanceResult = z.output<typeof advanceResult>;

/**
 * The job `release.advance`: takes a release step by step towards production, each step only if the one before was
 * healthy. The first that is not sends it back: the version served before gets all traffic again, that is verified,
 * and a task with the evidence is opened. How far it came is kept after each step, so another process can go on. Only
 * the process that holds the product does anything; one that lost it meanwhile changes nothing more.
 */
export const advanceRelease: JobRunner = async (input, { services, session, signal }) => {
  const asked = advanceJob.parse(input);
  const release = await releaseBy(services, asked.release);
  return holdProduct(services, release, signal, (hold) => advance({ services, session, hold }, asked));
};

async function releaseBy({ store }: Pick<Services, 'store'>, id: number): Promise<Row<'releases'>> {
  const release = await findRelease(store.db, id);
  if (release) return release;
  throw new Error(`there is no release ${id}`);
}

async function advance(
  taker: Taker & { services: Services },
  { release: id, to, role }: z.output<typeof advanceJob>,
): Promise<{ result: AdvanceResult }> {
  const { services, hold } = taker;
  for (;;) {
    const release = await releaseBy(services, id);
    const current = await servedBefore(services.store.db, release);
    const target = hold.fenced(await services.target(release.target));
    const step = nextStep(release.step, current === undefined || target.splits === false);
    if (release.state !== 'cutting' || release.step === null || !step || isBeyond(step, to))
      return { result: stand(release, current) };
    const stopped = await whyStopped(services, role);
    if (stopped !== undefined) return { result: { ...stand(release, current), why: stopped } };
    hold.signal.throwIfAborted();
    await recordIntent(taker, release, step);
    const stepped = { target, release, current, signal: hold.signal };
    const finding = await takeStep(step, stepped);
    hold.signal.throwIfAborted();
    if (!finding.healthy) return { result: await sendBack(taker, step, stepped, finding) };
    const live = step === 'production' ? { state: 'live' as const, url: finding.evidence.url as string } : {};
    if (!(await keepStep(taker, release, step, finding, live)))
      throw new Error(`${releaseId(id)} was moved by another process`);
  }
}

/** Puts back what was served, looks whether it is, and leaves a task behind. */
async function sendBack(
  taker: Taker & { services: Services },
  step: Step,
  { target, release, current, signal }: Stepped,
  finding: Finding,
): Promise<AdvanceResult> {
  const { services } = taker;
  const moved = step !== 'staging';
  if (moved) await putBack(services.store.db, target, release);
  const fault = moved ? await notBack(target, release, current, signal) : undefined;
  const role = roleFor((await services.factory()).factory, 'developer');
  const back = moved ? { back: fault ?? 'verified' } : {};
  const why = fault === undefined ? finding.why : `${finding.why}. The way back is not clean: ${fault}`;
  const failed = { ...finding, why, evidence: { ...finding.evidence, ...back } };
  const state = moved ? ('rolled-back' as const) : ('failed' as const);
  let fix: number | undefined;
  const kept = await keepStep(taker, release, step, failed, { state }, async (tx) => {
    if (role === undefined) return;
    fix = await insertFixTask(tx, {
      role,
      title: `Fix what sent ${releaseId(release.id)} of ${release.product} back`,
      description: descriptionOf(release, step, failed),
      now: services.clock.now(),
    });
  });
  if (!kept) throw new Error(`${releaseId(release.id)} was moved by another process`);
  return {
    done: true,
    release: releaseId(release.id),
    state,
    url: null,
    why: `${step}: ${why}`,
    serves: current ? releaseId(current.id) : null,
    ...(fix !== undefined && { fix: taskId(fix) }),
  };
}

const descriptionOf = (release: Row<'releases'>, step: Step, { why, evidence }: Finding) =>
  [
    `${releaseId(release.id)} (commit ${release.commit_id}) did not pass ${step}: ${why}.`,
    'The evidence the server took, as data:',
    JSON.stringify({ steps: checksOf(release).map(({ step: name }) => name), evidence }, null, 1),
  ]
    .join('\n')
    .slice(0, 8_000);

const stand = (release: Row<'releases'>, before: Row<'releases'> | undefined): AdvanceResult => ({
  done: true,
  release: releaseId(release.id),
  state: standOf(release),
  url: release.url,
  why: checksOf(release).at(-1)?.why ?? '',
  serves:
    release.state === 'live' || release.state === 'verified'
      ? releaseId(release.id)
      : before
        ? releaseId(before.id)
        : null,
});

async function whyStopped({ store }: Services, role: string): Promise<string | undefined> {
  try {
    await refuseIfStopped(store.db, role);
    return undefined;
  } catch (error) {
    if (error instanceof ToolError) return error.message;
    throw error;
  }
}
