import { ToolError } from '../core/errors.ts';
import { secretAges } from '../core/secrets/secrets.ts';
import type { Services } from '../core/services.ts';
import type { Db } from '../core/store/store.ts';
import { KINDS } from '../core/target/needs.ts';
import type { Target } from '../core/target/target.ts';
import { makePlan, type Ours, realityFor, type Wanted } from './make_plan.ts';
import { type PlanBody, planDigest, readProgress } from './plan.ts';
import { appliedPlans } from './queries.ts';

/** Compares what is wanted with what exists now, and with what plans of this product made. Changes nothing. */
export async function proposal(
  services: Services,
  db: Db,
  wanted: Wanted,
): Promise<{ plan: PlanBody; digest: string }> {
  const target = await services.target(wanted.target);
  refuseKinds(target, wanted);
  const ours = await oursOf(db, wanted);
  const reality = await realityFor(target, [...wanted.addresses, ...ours.addresses]);
  const plan = makePlan(wanted, reality, ours, await missingSecrets(db, wanted), target.addresses);
  return { plan, digest: planDigest(plan) };
}

/** A target that does not have everything says which kinds it has. */
function refuseKinds({ name, kinds }: Pick<Target, 'name' | 'kinds'>, { resources }: Wanted): void {
  const foreign = resources.find(({ kind }) => kinds?.includes(kind) === false);
  if (!foreign) return;
  throw new ToolError(
    'INVALID_INPUT',
    `The target ${name} has no ${KINDS[foreign.kind]}, and the product asks for ${foreign.name}.`,
    'Propose a plan without it, or for another target, with infra_propose.',
    { rule: 'infra.kind' },
  );
}

/** What the applied plans of a product at a target made and did not delete later. */
async function oursOf(db: Db, of: { product: string; target: string }): Promise<Ours> {
  const ids = new Set<string>();
  let addresses: Ours['addresses'][number][] = [];
  for (const { result } of await appliedPlans(db, of.product, of.target)) {
    const done = readProgress(result);
    for (const { id } of [...done.resources, ...done.addresses]) ids.add(id);
    for (const { id } of done.removed) ids.delete(id);
    addresses = [...addresses, ...done.addresses].filter(
      ({ kind, name }) => !done.removed.some((gone) => gone.kind === kind && gone.name === name),
    );
  }
  return { ids, addresses };
}

/** The secrets a product asks for that have no value at its target. */
async function missingSecrets(
  db: Db,
  { product, target, workers = [] }: Pick<Wanted, 'product' | 'target' | 'workers'>,
): Promise<string[]> {
  const there = (await secretAges(db)).filter((one) => one.product === product && one.target === target);
  const names = new Set(workers.flatMap(({ secrets }) => secrets));
  return [...names].filter(
    (name) => !there.some((one) => one.name === name || `${one.name}_PREVIOUS` === name),
  );
}
