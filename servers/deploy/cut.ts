import * as z from 'zod';
import { withCleanCheckout } from '../core/clean_run.ts';
import { ToolError } from '../core/errors.ts';
import { releaseId } from '../core/ids.ts';
import type { JobRunner } from '../core/jobs.ts';
import { refuseIfStopped } from '../core/kill.ts';
import { SandboxUnavailable } from '../core/sandbox/sandbox.ts';
import type { Services } from '../core/services.ts';
import type { Row } from '../core/store/schema.ts';
import { bundleWorker, type WorkerBundle } from '../core/target/bundle.ts';
import { infrastructureText } from '../core/target/checkout_files.ts';
import type { Target, WorkerVersion } from '../core/target/target.ts';
import { keyOf, refuseContractions } from './contraction_checkpoint.ts';
import { type Thresholds, thresholdsIn } from './health/thresholds.ts';
import { holdProduct } from './hold.ts';
import { boundConfig, infrastructureOf } from './infrastructure.ts';
import { checksOf, keepStep } from './progress.ts';
import { findPlan, findRelease, saveRelease, servedBefore } from './queries.ts';

/** What the job is given; `plan` is the applied plan whose resources are bound, `role` the one that asked. */
export const cutJob = z.strictObject({
  release: z.int(),
  plan: z.int(),
  role: z.string(),
  /** The digest of the bytes that a person signed for; others are not released. */
  bundle: z.string().optional(),
  /** The script that is run first, or `none`, as a person chose it. */
  build: z.string().optional(),
});

/** How a cut ended: in the shape of release_cut's answer, or with the refusal that it becomes. */
export const cutResult = z.union([
  z.object({
    done: z.literal(true),
    release: z.string(),
    state: z.literal('preview'),
    preview: z.string(),
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
 * of the server's own, and has the version answer alone, at an address of its own. What is served stays as it is;
 * `release.advance` goes on from there. Every part may be repeated, so another process can take it up after a crash.
 * A version that can't be brought up makes its release `failed`.
 */
export const cutRelease: JobRunner = async (input, { services, session, signal }) => {
  const { release: id, plan, role, bundle: signed, build: chosen } = cutJob.parse(input);
  const release = await findRelease(services.store.db, id);
  if (!release) throw new Error(`there is no release ${id}`);
  if (release.state !== 'cutting' || release.step !== null) return { result: settled(release) };
  try {
    const built = await build({ services, release, plan, signed, chosen });
    return await holdProduct(services, release, signal, async (hold) => {
      const target = hold.fenced(await services.target(release.target));
      const { preview, ...shown } = await bringUp(
        { services, target, release, role, signal: hold.signal },
        built,
      );
      const finding = { healthy: true, why: 'it answers alone', evidence: { preview, ...shown } };
      if (!(await keepStep({ services, session, hold }, release, 'preview', finding)))
        throw new Error(`${releaseId(id)} was moved by another process`);
      return { result: previewed(release, preview) };
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ToolError || error instanceof SandboxUnavailable)) throw error;
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
  role: string;
  signal: AbortSignal;
}

async function bringUp(
  { services, target, release, role, signal }: Cut,
  { version, isolation, engine, health }: Built,
): Promise<{ preview: string } & Record<string, unknown>> {
  const { product, bundle } = version;
  signal.throwIfAborted();
  await services.store.transaction((tx) =>
    saveRelease(tx, release.id, { bundle, health: JSON.stringify(health) }),
  );
  await refuseIfStopped(services.store.db, role);
  await target.upload(version);
  signal.throwIfAborted();
  const foreign = (await servedBefore(services.store.db, release)) ? null : await target.serving(product);
  const preview = await target.previewUrl(product, version.version);
  const { commit_id: commit, id } = release;
  return {
    preview,
    release: id,
    commit,
    version: version.version,
    bundle,
    isolation,
    engine,
    migrations: version.migrations.map(keyOf),
    ...(foreign && { found: foreign.shares.map((share) => ({ ...share })) }),
  };
}

interface Built {
  version: WorkerVersion;
  isolation: string;
  engine: string;
  health: Thresholds;
}

/** The version as it goes to the target: bytes from the sandbox, bindings from the applied plan. */
async function build({
  services,
  release,
  plan: planId,
  signed,
  chosen,
}: Pick<Cut, 'services' | 'release'> & {
  plan: number;
  signed: string | undefined;
  chosen: string | undefined;
}): Promise<Built> {
  const plan = await findPlan(services.store.db, planId);
  if (!plan) throw new Error(`there is no plan ${planId}`);
  const { health, ...built } = await bundleOf(services, release.commit_id, chosen);
  const { files, digest, migrations, isolation, engine } = built;
  if (signed !== undefined && signed !== digest) throw otherBytes(release);
  await refuseContractions(services, release, migrations, await seenBefore(services, release));
  const config = boundConfig(built.config, infrastructureOf(plan));
  const { product, version, target } = release;
  const secrets = await services.secrets({ product, target, names: config.secrets });
  return {
    version: { product, version, bundle: digest, files, config, migrations, secrets },
    isolation,
    engine,
    health,
  };
}

/**
 * The Worker of a commit as it is released, built in the sandbox or taken from its first build, and its thresholds;
 * `build` is the script that is run first, or `none`.
 */
export async function bundleOf(
  services: Pick<Services, 'paths' | 'sandbox'>,
  commit: string,
  build?: string,
): Promise<WorkerBundle & { health: Thresholds }> {
  const sandbox = await services.sandbox();
  return withCleanCheckout(services, commit, async ({ folder, layers, kept }) => {
    const health = thresholdsIn(await infrastructureText(folder));
    return { ...(await bundleWorker(sandbox, { checkout: folder, layers, kept, build })), health };
  });
}

const otherBytes = ({ commit_id }: Row<'releases'>) =>
  new ToolError(
    'GATE_CLOSED',
    `The build of ${commit_id.slice(0, 12)} is not the one that was signed.`,
    'Run `millwright ship` again and sign for what is built now.',
    { rule: 'release.bytes' },
  );

/** The migrations that the served version's release brought, or found there. */
async function seenBefore({ store }: Services, release: Row<'releases'>): Promise<string[]> {
  const before = await servedBefore(store.db, release);
  const names: unknown = before && checksOf(before)[0]?.evidence.migrations;
  return Array.isArray(names) ? names.map(String) : [];
}

const previewed = ({ id, version, commit_id: commit }: Row<'releases'>, preview: string): CutResult => ({
  done: true,
  release: releaseId(id),
  state: 'preview',
  preview,
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
    : previewed(release, String(checksOf(release)[0]?.evidence.preview ?? ''));
