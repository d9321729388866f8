import * as z from 'zod';
import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';
import { isSplit, type Share, type Target } from '../core/target/target.ts';
import { checksOf } from './progress.ts';
import { servedBefore } from './queries.ts';
import { originAt, send } from './verify/check.ts';
import { probesOf } from './verify/product.ts';

/** So many probes show that what was put back answers. */
const PROBES = 5;

/** What a product's first release found there: versions that somebody else serves under the same name. */
function foundBefore(release: Pick<Row<'releases'>, 'checks'>): Share[] {
  const [preview] = checksOf(release);
  return found.safeParse(preview?.evidence.found).data ?? [];
}

const found = z.array(z.object({ version: z.string(), percent: z.int() }));

/**
 * Serves what the product had before this release, by its exact version: the release before, or what the first one
 * found there. Takes the product down when there was nothing. Data and migrations stay as they are. Returns the
 * release that is served now.
 */
export async function putBack(
  db: Db,
  target: Pick<Target, 'split' | 'retire'>,
  release: Row<'releases'>,
): Promise<Row<'releases'> | undefined> {
  const before = await servedBefore(db, release);
  if (before) await target.split(before.product, [{ version: before.version, percent: 100 }]);
  else if (foundBefore(release).length > 0) await target.split(release.product, foundBefore(release));
  else await target.retire(release.product);
  return before;
}

/**
 * Why a product is not back where it was: another version has a share, or what was put back fails. Undefined when it
 * is back. Without anything before, nothing may be served but what the first release found.
 */
export async function notBack(
  target: Pick<Target, 'name' | 'serving'>,
  release: Pick<Row<'releases'>, 'product' | 'checks'>,
  before: Row<'releases'> | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const serving = await target.serving(release.product);
  const wanted = before ? [{ version: before.version, percent: 100 }] : foundBefore(release);
  if (wanted.length === 0) return serving ? 'something is still being served' : undefined;
  if (!serving || !isSplit(serving, wanted)) return 'another version still has a share';
  const origin = originAt(target, serving.url);
  for (const { request } of (await probesOf(origin, signal)).slice(0, PROBES)) {
    const { status } = await send(origin, request, signal);
    if (status === 0 || status >= 500) return `${request.method} ${request.path} answers ${status}`;
  }
  return undefined;
}
