import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';
import type { Target } from '../core/target/target.ts';
import { servedBefore } from './queries.ts';

/**
 * Serves what the product had before this release, by its exact version, or takes the product down when there was
 * nothing. Data and migrations stay as they are. Returns the release that is served now.
 */
export async function putBack(
  db: Db,
  target: Pick<Target, 'split' | 'retire'>,
  release: Row<'releases'>,
): Promise<Row<'releases'> | undefined> {
  const before = await servedBefore(db, release);
  if (before) await target.split(before.product, [{ version: before.version, percent: 100 }]);
  else await target.retire(release.product);
  return before;
}
