import { append } from '../core/record.ts';
import type { Services } from '../core/services.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import { applyPlan, stepEntry } from './apply.ts';
import { changeLine, type PlanBody, type Progress } from './plan.ts';
import { approvedPlan, findPlan, insertPlan, saveApproval } from './queries.ts';

/** SSHSIG namespace of a person's signature over a plan; no other signature of theirs approves one. */
export const INFRA_NAMESPACE = 'millwright-infra';

/** What a person signs to have a plan applied: the digest that binds it, and all of it in words. */
export function planText(factory: string, plan: PlanBody, digest: string): string {
  return [
    'Millwright infrastructure plan',
    `factory: ${factory}`,
    `product: ${plan.product}`,
    `target: ${plan.target}`,
    `digest: sha256:${digest}`,
    ...plan.changes.map((change) => `- ${changeLine(change)}`),
    `cost: ${plan.cost}`,
    `risk: ${plan.risk}`,
    '',
  ].join('\n');
}

/** Keeps a plan that a human proposed and approved by one signature over its text; returns its number. */
export async function keepSigned(
  services: Services,
  { plan, digest }: { plan: PlanBody; digest: string },
  { human, signature }: { human: { name: string; assurance: string }; signature: string },
): Promise<number> {
  const now = services.clock.now();
  const who = `human:${human.name}`;
  return services.store.transaction(async (tx) => {
    const { id } = await insertPlan(tx, {
      product: plan.product,
      target: plan.target,
      body: JSON.stringify(plan),
      digest,
      task: null,
      pipeline: null,
      agent: who,
      root: who,
      created_at: now,
    });
    await saveApproval(tx, id);
    await append(services.store, tx, {
      at: now,
      session: who,
      agent: who,
      role: 'human',
      event: 'infra.approved',
      subject: `plan:${id}`,
      body: { digest, assurance: human.assurance, signature: sha256Hex(signature) },
    });
    return id;
  });
}

/** The plan of a product that was approved and not applied to its end: what a run that died left. */
export const unfinished = (services: Services, of: { product: string; target: string }) =>
  approvedPlan(services.store.db, of.product, of.target);

/** Applies an approved plan at a person's command; each step enters the record. Throws as `applyPlan`. */
export async function applySigned(services: Services, id: number): Promise<Progress> {
  const row = (await findPlan(services.store.db, id)) as Row<'plans'>;
  const target = await services.target(row.target);
  const who = { id: 'operator', agent: 'operator', role: 'operator' };
  return applyPlan(row, target, (work, step) =>
    services.store.transaction(async (tx) => {
      await work(tx);
      if (step) await append(services.store, tx, stepEntry(services.clock.now(), who, id, step));
    }),
  );
}
