import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { type AdvanceResult, advanceResult } from '../../servers/deploy/advance.ts';
import { cutResult } from '../../servers/deploy/cut.ts';
import { checksOf } from '../../servers/deploy/progress.ts';
import { findRelease, insertRelease } from '../../servers/deploy/queries.ts';
import { CommandError } from '../failures.ts';
import type { Io } from '../io.ts';
import { runJob } from './gates.ts';

type Release = Row<'releases'>;

/** Cuts a release of a commit on an applied plan and takes it to production, telling of each step as it ends. */
export async function releaseCommit(
  io: Io,
  services: Services,
  of: { product: string; target: string; commit: string; bundle: string; plan: number },
): Promise<AdvanceResult> {
  const { product, target, commit, bundle, plan } = of;
  const created_at = services.clock.now();
  const { id } = await services.store.transaction((tx) =>
    insertRelease(tx, { product, target, commit_id: commit, pipeline: null, task: null, created_at }),
  );
  const input = { release: id, plan, role: 'human', bundle };
  const cut = cutResult.parse(await runJob(services, 'release.cut', input));
  if (cut.state === 'failed')
    throw new CommandError('NOT_CUT', cut.why, 'Correct it, commit and ship again.');
  io.progress(`preview: ${cut.preview}`);
  return advance(io, services, id);
}

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
