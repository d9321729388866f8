import { memoryId, planId, releaseId } from '../ids.ts';
import type { Db } from '../store/store.ts';

/** An entry, and the things it speaks of. */
export interface Dated {
  id: number;
  recorded_at: number;
  about: readonly string[];
}

interface Change {
  at: number;
  what: string;
}

interface PlanOfResources {
  id: number;
  changes: { kind: string; name: string; action: string }[];
}

const RESOURCES = ['database', 'resource', 'worker', 'bucket', 'queue', 'kv'];
/** Plans looked at, the newest applied first. */
const MOST_PLANS = 50;
/** Things looked at in one call. */
const MOST_NAMES = 50;

/**
 * Which entries are older than the state they describe: one line each, with what changed and when. Looks at the
 * newest release of `release:PRODUCT`, the newest applied plan with `database:NAME` (or another resource), and the
 * newest merge for `branch:mainline`. Asks the store nothing when no entry speaks of such a thing.
 * Looks at the first 50 things.
 */
export async function changesSince(db: Db, entries: readonly Dated[]): Promise<string[]> {
  const names = [...new Set(entries.flatMap(({ about }) => about))].slice(0, MOST_NAMES);
  const plans = names.some(isResource) ? await appliedPlans(db) : [];
  const changes = new Map<string, Change>();
  for (const name of names) {
    const change = await newestChange(db, name, plans);
    if (change) changes.set(name, change);
  }
  return entries.flatMap(({ id, recorded_at, about }) =>
    about.flatMap((name) => {
      const change = changes.get(name);
      if (!change || change.at <= recorded_at) return [];
      return [
        `${memoryId(id)} is older than ${name}: ${change.what} at ${new Date(change.at).toISOString()}.`,
      ];
    }),
  );
}

function newestChange(
  db: Db,
  name: string,
  plans: readonly PlanOfResources[],
): Promise<Change | undefined> | undefined {
  const [kind = '', ...rest] = name.split(':');
  const what = rest.join(':');
  if (kind === 'release') return newestRelease(db, what);
  if (name === 'branch:mainline') return newestMerge(db);
  if (isResource(name)) return newestPlan(db, plans, what);
  return undefined;
}

const isResource = (name: string) => RESOURCES.includes(name.split(':', 1)[0] ?? '');

async function newestRelease(db: Db, product: string): Promise<Change | undefined> {
  const row = await db
    .selectFrom('releases')
    .select(['id', 'version', 'state', 'created_at'])
    .where('product', '=', product)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (
    row && {
      at: row.created_at,
      what: `${releaseId(row.id)} (${row.version.slice(0, 12)}) is ${row.state}, cut`,
    }
  );
}

async function newestMerge(db: Db): Promise<Change | undefined> {
  const row = await db
    .selectFrom('submissions')
    .select(['merged_commit', 'merged_at', 'agent'])
    .where('merged_at', 'is not', null)
    .orderBy('merged_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row?.merged_at) return undefined;
  return { at: row.merged_at, what: `${row.merged_commit?.slice(0, 12)} by ${row.agent} was merged` };
}

async function appliedPlans(db: Db): Promise<PlanOfResources[]> {
  const rows = await db
    .selectFrom('plans')
    .select(['id', 'body'])
    .where('state', '=', 'applied')
    .orderBy('id', 'desc')
    .limit(MOST_PLANS)
    .execute();
  return rows.map(({ id, body }) => {
    const plan = JSON.parse(body) as Partial<PlanOfResources>;
    return { id, changes: plan.changes ?? [] };
  });
}

/** When a plan was applied stands in the record; what it did, in the plan. */
async function newestPlan(
  db: Db,
  plans: readonly PlanOfResources[],
  resource: string,
): Promise<Change | undefined> {
  for (const { id, changes } of plans) {
    const done = changes.filter(
      ({ name, action }) => action !== 'nothing' && name.toLowerCase() === resource,
    );
    if (done.length === 0) continue;
    const applied = await db
      .selectFrom('activity')
      .select('at')
      .where('subject', '=', `plan:${id}`)
      .where('tool', '=', 'infra_apply')
      .where('event', '=', 'outcome')
      .orderBy('seq')
      .limit(1)
      .executeTakeFirst();
    if (!applied) continue;
    const what = done.map(({ action, kind, name }) => `${action} ${kind} ${name}`).join(', ');
    return { at: applied.at, what: `${planId(id)} was applied (${what})` };
  }
  return undefined;
}
