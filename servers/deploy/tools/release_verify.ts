import * as z from 'zod';
import { idInput, releaseId } from '../../core/ids.ts';
import { canonicalJson, sha256Hex } from '../../core/signing/canonical.ts';
import type { Row } from '../../core/store/schema.ts';
import { servesAlone, type Target } from '../../core/target/target.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { type Hold, holdFreeProduct } from '../hold.ts';
import { putBack } from '../put_back.ts';
import { saveRelease, servedAfter } from '../queries.ts';
import { refuseUnserved, releaseOf } from '../scope.ts';
import { type Check, failedCheck, originAt } from '../verify/check.ts';
import { checkProduct } from '../verify/product.ts';

/** So many checks fit into an answer; the failed ones come first. */
const SHOWN = 35;

export default defineTool({
  name: 'release_verify',
  needs: 'release:verify',
  effect: 'write',
  outside: true,
  description:
    'Have the server call every endpoint of a live release (the latest of your pipeline). If one does not answer as promised, the server rolls back.',
  input: z.strictObject({ release: idInput('R').optional() }),
  output: z.object({
    release: z.string(),
    verified: z.boolean(),
    serves: z.string().nullable().describe('What is served now.'),
    total: z.number(),
    checks: z.array(
      z.object({
        method: z.string(),
        path: z.string(),
        status: z.number(),
        ok: z.boolean(),
        why: z.string(),
      }),
    ),
  }),

  async handler({ release: id }, call) {
    const release = await releaseOf(call, id);
    refuseUnserved(release, await servedAfter(call.db, release));
    const { checks, verified, before } = await holdFreeProduct(call.services, release, call.signal, (hold) =>
      judged(call, release, hold),
    );
    const served = verified ? release : before;
    const shown = checks.sort((a, b) => Number(a.ok) - Number(b.ok)).slice(0, SHOWN);
    return {
      release: releaseId(release.id),
      verified,
      serves: served ? releaseId(served.id) : null,
      total: checks.length,
      checks: shown.map((check) => ({ ...check })),
    };
  },
});

/** Checks a release while nobody else moves its product; one that does not hold is put back. */
async function judged(call: Call, { id }: Row<'releases'>, hold: Hold) {
  const release = await releaseOf(call, id);
  refuseUnserved(release, await servedAfter(call.db, release));
  const target = hold.fenced(await call.services.target(release.target));
  const checks = await checksOf(target, release, hold.signal);
  const verified = checks.every(({ ok }) => ok);
  const before = verified ? undefined : await putBack(call.db, target, release);
  const evidence = sha256Hex(canonicalJson({ release: release.id, version: release.version, checks }));
  const state = verified ? ('verified' as const) : ('rolled-back' as const);
  await call.transaction(async (tx) => {
    await hold.check(tx);
    await saveRelease(tx, release.id, { state, evidence });
  });
  return { checks, verified, before };
}

async function checksOf(target: Target, release: Row<'releases'>, signal: AbortSignal): Promise<Check[]> {
  const serving = await target.serving(release.product);
  if (serving && servesAlone(serving, release.version))
    return checkProduct(originAt(target, serving.url), signal);
  return [failedCheck('GET', '/', 'another version, or none, is being served')];
}
