import { ToolError } from '../core/errors.ts';
import { planId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import type { Target } from '../core/target/target.ts';
import { type Change, findResource, type PlanBody, type Progress, readPlan, readProgress } from './plan.ts';
import { saveProgress } from './queries.ts';

/**
 * Makes an approved plan true, one resource at a time; what is about to be made is written down before it is made.
 * Running it again after a crash goes on where the last run ended. Throws CONFLICT with rule `infra.drift` when
 * reality is not what the plan was made for, except for what an interrupted run of this plan made itself.
 */
export async function applyPlan(
  row: Pick<Row<'plans'>, 'id' | 'body' | 'result'>,
  target: Pick<Target, 'resources' | 'ensure'>,
  transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>,
): Promise<Progress> {
  const plan = readPlan(row.body);
  let progress = readProgress(row.result);
  await refuseDrift(row.id, plan, progress, target);
  const keep = (next: Progress, state: 'approved' | 'applied' = 'approved') => {
    progress = next;
    return transaction((tx) => saveProgress(tx, row.id, next, state));
  };
  for (const { kind, name } of plan.changes) {
    if (progress.resources.some((done) => done.kind === kind && done.name === name)) continue;
    const resumed = progress.making?.kind === kind && progress.making.name === name;
    await keep({ ...progress, making: { kind, name } });
    const { resource, created } = await target.ensure({ kind, name });
    const made = { kind, name, id: resource.id, created: created || resumed };
    await keep({ making: null, resources: [...progress.resources, made] });
  }
  await keep(progress, 'applied');
  return progress;
}

async function refuseDrift(
  id: number,
  plan: PlanBody,
  progress: Progress,
  target: Pick<Target, 'resources'>,
): Promise<void> {
  const reality = await target.resources();
  const drifted = plan.changes.find((change) => {
    const id = findResource(reality, change)?.id ?? null;
    return id !== expected(change, progress, id);
  });
  if (!drifted) return;
  throw new ToolError(
    'CONFLICT',
    `The ${drifted.kind} ${drifted.name} is not as ${planId(id)} found it: reality changed since the plan.`,
    'Call infra_propose for a plan of what is there now.',
    { rule: 'infra.drift' },
  );
}

/** The id a resource must have now; what was being made when a run died may or may not be there. */
function expected(change: Change, progress: Progress, found: string | null): string | null {
  const same = (of: { kind: string; name: string } | null) =>
    of !== null && of.kind === change.kind && of.name === change.name;
  const done = progress.resources.find(same);
  if (done) return done.id;
  return change.action === 'create' && same(progress.making) ? found : change.id;
}
