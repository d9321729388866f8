import { ToolError } from '../core/errors.ts';
import { planId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import type { Address, Target } from '../core/target/target.ts';
import { findAddress, findResource, realityFor } from './make_plan.ts';
import { type Change, type PlanBody, type Progress, readPlan, readProgress, sameThing } from './plan.ts';
import { saveProgress } from './queries.ts';

/** Where plans are applied. */
export type Place = Pick<Target, 'name' | 'resources' | 'ensure' | 'remove' | 'addresses'>;

/** One step of a plan: before it, what is about to be done; after it, what was. */
export interface Step {
  event: 'infra.intent' | 'infra.outcome';
  change: Change;
}

/** A step as the record has it. */
export const stepEntry = (
  at: number,
  who: { id: string; agent: string; role: string },
  plan: number,
  { event, change: { action, kind, name, id } }: Step,
) => ({
  at,
  session: who.id,
  agent: who.agent,
  role: who.role,
  event,
  subject: `plan:${plan}`,
  body: { action, kind, name, id },
});

/** Keeps the progress and tells the record of the step in the same transaction. */
type Keep = (work: (tx: Tx) => Promise<unknown>, step: Step | null) => Promise<void>;

/**
 * Makes an approved plan true, one thing at a time; what is about to be done is written down before it is done.
 * Running it again after a crash goes on where the last run ended. Throws CONFLICT with rule `infra.drift` when
 * reality is not what the plan was made for, except for what an interrupted run of this plan did itself.
 */
export async function applyPlan(
  row: Pick<Row<'plans'>, 'id' | 'body' | 'result'>,
  target: Place,
  keep: Keep,
): Promise<Progress> {
  const plan = readPlan(row.body);
  let progress = readProgress(row.result);
  await refuseDrift(row.id, plan, progress, target);
  const save = (next: Progress, step: Step | null, state: 'approved' | 'applied' = 'approved') => {
    progress = next;
    return keep((tx) => saveProgress(tx, row.id, next, state), step);
  };
  for (const change of plan.changes) {
    if (isDone(change, progress)) continue;
    const { kind, name } = change;
    const resumed = progress.making !== null && sameThing(progress.making, change);
    await save({ ...progress, making: { kind, name } }, { event: 'infra.intent', change });
    const done = await carryOut(change, target, progress, resumed);
    await save({ ...done, making: null }, { event: 'infra.outcome', change });
  }
  await save(progress, null, 'applied');
  return progress;
}

async function carryOut(
  change: Change,
  target: Place,
  progress: Progress,
  resumed: boolean,
): Promise<Progress> {
  const { kind, name, id, settings } = change;
  if (change.action === 'delete') {
    await remove(change, target);
    return { ...progress, removed: [...progress.removed, { kind, name, id: id ?? '' }] };
  }
  if (kind === 'dns' || kind === 'domain') {
    const address: Address = { kind, name, settings: settings ?? {} };
    const untouched = change.action === 'nothing' || change.action === 'adopt';
    const made = untouched ? (id ?? '') : await namesOf(target).set(address, id);
    return { ...progress, addresses: [...progress.addresses, { ...address, kind, id: made }] };
  }
  const { resource, created } = await target.ensure({ kind, name });
  const made = { kind, name, id: resource.id, created: created || resumed };
  return { ...progress, resources: [...progress.resources, made] };
}

async function remove({ kind, name, id, settings }: Change, target: Place): Promise<void> {
  if (id === null) return;
  if (kind === 'dns' || kind === 'domain')
    return namesOf(target).remove({ kind, name, id, settings: settings ?? {} });
  await target.remove({ kind, name, id, createdAt: 0 });
}

function namesOf({ name, addresses }: Place): NonNullable<Target['addresses']> {
  if (addresses) return addresses;
  throw new Error(`the target ${name} has no names`);
}

const isDone = (change: Change, { resources, addresses, removed }: Progress): boolean =>
  change.action === 'delete'
    ? removed.some(({ id }) => id === change.id)
    : resources.some((one) => sameThing(one, change)) ||
      addresses.some((one) => sameThing(one, change) && one.settings.content === change.settings?.content);

async function refuseDrift(id: number, plan: PlanBody, progress: Progress, target: Place): Promise<void> {
  const addresses = plan.changes.flatMap(({ settings }) => (settings ? [{ settings }] : []));
  const reality = await realityFor(target, addresses);
  const drifted = plan.changes.find((change) => {
    const found = foundFor(change, reality);
    return !isExpected(change, progress, found);
  });
  if (!drifted) return;
  throw new ToolError(
    'CONFLICT',
    `The ${drifted.kind} ${drifted.name} is not as ${planId(id)} found it: reality changed since the plan.`,
    'Call infra_propose for a plan of what is there now.',
    { rule: 'infra.drift' },
  );
}

interface Found {
  id: string;
  settings?: Record<string, string>;
}

function foundFor(change: Change, reality: Awaited<ReturnType<typeof realityFor>>): Found | undefined {
  const { kind, name, settings } = change;
  if (kind !== 'dns' && kind !== 'domain') return findResource(reality.resources, { kind, name });
  const byId = reality.addresses.find((one) => one.id === change.id);
  return byId ?? findAddress(reality.addresses, { kind, name, settings: settings ?? {} });
}

/** What an interrupted run was doing may or may not be done; everything else is as the plan found it, or as it left it. */
function isExpected(change: Change, progress: Progress, found: Found | undefined): boolean {
  const making = progress.making !== null && sameThing(progress.making, change);
  if (change.action === 'delete')
    return found?.id === change.id || (found === undefined && (making || isDone(change, progress)));
  const done = [...progress.resources, ...progress.addresses].find((one) => sameThing(one, change));
  if (done) return found?.id === done.id;
  if (making && change.action !== 'nothing') return change.action === 'create' || found?.id === change.id;
  if ((found?.id ?? null) !== change.id) return false;
  return !change.before || content(found?.settings) === content(change.before);
}

const content = (settings: Record<string, string> | undefined) => settings?.content ?? settings?.worker;
