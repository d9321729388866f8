import * as z from 'zod';
import { withCleanCheckout } from '../core/clean_run.ts';
import { ToolError } from '../core/errors.ts';
import { releaseId } from '../core/ids.ts';
import type { JobRunner } from '../core/jobs.ts';
import { refuseIfStopped } from '../core/kill.ts';
import { SandboxUnavailable } from '../core/sandbox/sandbox.ts';
import type { Services } from '../core/services.ts';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import { bundleWorker } from '../core/target/bundle.ts';
import type { Target, WorkerVersion } from '../core/target/target.ts';
import { boundConfig, infrastructureOf } from './infrastructure.ts';
import { putBack } from './put_back.ts';
import { findPlan, findRelease, saveRelease } from './queries.ts';

/** What the job is given; `plan` is the applied plan whose resources are bound, `role` the one that asked. */
export const cutJob = z.strictObject({ release: z.int(), plan: z.int(), role: z.string() });

/** How a cut ended: in the shape of release_cut's answer, or with the refusal that it becomes. */
export const cutResult = z.union([
  z.object({
    done: z.literal(true),
    release: z.string(),
    state: z.literal('live'),
    url: z.string(),
    version: z.string(),
    commit: z.string(),
  }),
  z.object({
    done: z.literal(true),
    release: z.string(),
    state: z.literal('failed'),
    why: z.string(),
    rule: z.string(),
  }),
]);
type CutResult = z.output<typeof cutResult>;

/**
 * The job `release.cut`: builds the merged commit in the sandbox, uploads the bundle by digest with a configuration
 * of the server's own, migrates and activates. Every step may be repeated, so another process can take it up after
 * a crash. A release that can't be brought up is `failed`, and what was served before is served again.
 */
export const cutRelease: JobRunner = async (input, { services, signal }) => {
  const { release: id, plan, role } = cutJob.parse(input);
  const release = await findRelease(services.store.db, id);
  if (!release) throw new Error(`there is no release ${id}`);
  if (release.state !== 'cutting') return { result: settled(release) };
  const target = await services.target(release.target);
  try {
    const { url, bundle, evidence } = await bringUp({ services, target, release, plan, role, signal });
    return {
      result: live(release, url),
      save: async (tx) => void (await saveRelease(tx, id, { state: 'live', url, bundle, evidence })),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ToolError || error instanceof SandboxUnavailable)) throw error;
    const serving = await target.serving(release.product);
    if (serving?.shares.some(({ version }) => version === release.version))
      await putBack(services.store.db, target, release);
    services.log(
      `${releaseId(id)}: ${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`,
    );
    const rule = error instanceof ToolError ? error.rule : undefined;
    return {
      result: failed(release, error.message, rule),
      save: async (tx) => void (await saveRelease(tx, id, { state: 'failed' })),
    };
  }
};

interface Cut {
  services: Services;
  target: Target;
  release: Row<'releases'>;
  plan: number;
  role: string;
  signal: AbortSignal;
}

async function bringUp(cut: Cut): Promise<{ url: string; bundle: string; evidence: string }> {
  const { services, target, release, role, signal } = cut;
  const { version, isolation, engine } = await build(cut);
  const { product, bundle } = version;
  signal.throwIfAborted();
  await services.store.transaction((tx) => saveRelease(tx, release.id, { bundle }));
  await target.upload(version);
  const migrated = await target.migrate(product, version.version);
  await refuseIfStopped(services.store.db, role);
  signal.throwIfAborted();
  const { url } = await target.split(product, [{ version: version.version, percent: 100 }]);
  const { commit_id: commit, id } = release;
  const evidence = {
    release: id,
    commit,
    version: version.version,
    bundle,
    isolation,
    engine,
    migrated,
    url,
  };
  return { url, bundle, evidence: sha256Hex(canonicalJson(evidence)) };
}

/** The version as it goes to the target: bytes from the sandbox, bindings from the applied plan. */
async function build({
  services,
  release,
  plan: planId,
}: Cut): Promise<{ version: WorkerVersion; isolation: string; engine: string }> {
  const plan = await findPlan(services.store.db, planId);
  if (!plan) throw new Error(`there is no plan ${planId}`);
  const sandbox = await services.sandbox();
  const built = await withCleanCheckout(services, release.commit_id, ({ folder, layers }) =>
    bundleWorker(sandbox, { checkout: folder, layers }),
  );
  const { files, digest, migrations, isolation, engine } = built;
  const config = boundConfig(built.config, infrastructureOf(plan));
  const { product, version } = release;
  return {
    version: { product, version, bundle: digest, files, config, migrations, secrets: {} },
    isolation,
    engine,
  };
}

const live = ({ id, version, commit_id: commit }: Row<'releases'>, url: string): CutResult => ({
  done: true,
  release: releaseId(id),
  state: 'live',
  url,
  version,
  commit,
});

const failed = ({ id }: Row<'releases'>, why: string, rule = 'release.failed'): CutResult => ({
  done: true,
  release: releaseId(id),
  state: 'failed',
  why,
  rule,
});

/** The result of a release that an earlier run of the job has ended. */
const settled = (release: Row<'releases'>): CutResult =>
  release.state === 'failed'
    ? failed(release, 'An earlier run of this job failed.')
    : live(release, release.url ?? '');
