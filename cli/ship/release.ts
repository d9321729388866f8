import { releaseId } from '../../servers/core/ids.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { type AdvanceResult, advanceResult } from '../../servers/deploy/advance.ts';
import { cutResult } from '../../servers/deploy/cut.ts';
import { checksOf } from '../../servers/deploy/progress.ts';
import { currentOf, findRelease, insertRelease } from '../../servers/deploy/queries.ts';
import { CommandError } from '../failures.ts';
import type { Io } from '../io.ts';
import { runJob } from './gates.ts';

type Release = Row<'releases'>;

/** The way out of what is not mended by another commit. */
const REMEDIES: Record<string, string> = {
  'release.contraction':
    'Only add to the schema now and take away in a later release; or decide it (`millwright checkpoints`, `millwright approve`) and ship again.',
};

/** Cuts a release of a commit on an applied plan and takes it to production, telling of each step as it ends. */
export async function releaseCommit(
  io: Io,
  services: Services,
  of: {
    product: string;
    target: string;
    commit: string;
    bundle: string;
    build?: string | undefined;
    plan: number;
  },
): Promise<AdvanceResult> {
  const { product, target, commit, bundle, build, plan } = of;
  const id = await begin(io, services, { product, target, commit });
  const input = { release: id, plan, role: 'human', bundle, ...(build !== undefined && { build }) };
  const cut = cutResult.parse(await runJob(services, 'release.cut', input));
  if (cut.state === 'failed')
    throw new CommandError('NOT_CUT', cut.why, REMEDIES[cut.rule] ?? 'Correct it, commit and ship again.');
  io.progress(`preview: ${cut.preview}`);
  return advance(io, services, id);
}

/**
 * Begins a release, or goes on with the one of the same commit that is under way, after an interrupt for one. A product
 * has one release at a time.
 */
async function begin(
  io: Io,
  services: Services,
  { product, target, commit }: { product: string; target: string; commit: string },
): Promise<number> {
  const row = { product, target, commit_id: commit, pipeline: null, task: null };
  const { release, isNew } = await services.store.transaction(async (tx) => {
    const current = await currentOf(tx, row);
    if (current?.state !== 'cutting')
      return { release: await insertRelease(tx, { ...row, created_at: services.clock.now() }), isNew: true };
    if (current.commit_id !== commit) throw underWay(current);
    return { release: current, isNew: false };
  });
  if (!isNew) io.progress(`${releaseId(release.id)} goes on after ${release.step ?? 'nothing'}`);
  return release.id;
}

const underWay = ({ id, product, commit_id }: Release) =>
  new CommandError(
    'BUSY',
    `${releaseId(id)} of ${product} is under way, with the commit ${commit_id.slice(0, 12)}.`,
    `Take it on with \`millwright releases resume\`, or end it with \`millwright rollback ${product}\`.`,
  );

/** Takes a release that is under way to production, or back; tells of each step as it ends. */
export async function advance(io: Io, services: Services, release: number): Promise<AdvanceResult> {
  let told = checksOf((await findRelease(services.store.db, release)) as Release).length;
  const tell = async () => {
    const checks = checksOf((await findRelease(services.store.db, release)) as Release);
    for (const { step, healthy, why } of checks.slice(told))
      io.progress(`${step}: ${healthy ? 'healthy' : 'NOT healthy'}, ${why}`);
    told = checks.length;
  };
  const input = { release, to: 'production', role: 'human' };
  return advanceResult.parse(await runJob(services, 'release.advance', input, tell));
}
