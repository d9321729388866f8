import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { planId } from '../../core/ids.ts';
import { NAME } from '../../core/target/names.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { makePlan, type PlanBody, planDigest, readProgress } from '../plan.ts';
import { appliedPlans, insertPlan } from '../queries.ts';

const PRODUCT = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

const resource = z.strictObject({
  kind: z.enum(['d1', 'worker']),
  name: z.string().max(63).regex(NAME, 'lower-case letters, digits and inner hyphens'),
});

export default defineTool({
  name: 'infra_propose',
  needs: 'infra:propose',
  effect: 'write',
  outside: true,
  description:
    'Propose the infrastructure of a product: the server compares what you name with what exists and makes a plan for another agent to approve.',
  input: z.strictObject({
    product: z.string().max(40).regex(PRODUCT, 'lower-case letters, digits and inner dashes'),
    target: z.enum(['local']),
    resources: z
      .array(resource)
      .min(1)
      .max(20)
      .refine((all) => new Set(all.map(({ kind, name }) => `${kind} ${name}`)).size === all.length, {
        error: 'names one resource twice',
      }),
  }),
  output: z.object({
    plan: z.string(),
    digest: z.string(),
    changes: z.array(z.object({ action: z.string(), kind: z.string(), name: z.string() })),
    cost: z.string(),
    risk: z.string(),
  }),

  async handler(wanted, call) {
    await heldTask(call);
    const target = await call.services.target(wanted.target);
    const plan = makePlan(wanted, await target.resources(), await idsOfOurs(call, wanted));
    const digest = planDigest(plan);
    const id = await store(call, plan, digest);
    const changes = plan.changes.map(({ action, kind, name }) => ({ action, kind, name }));
    return { plan: planId(id), digest, changes, cost: plan.cost, risk: plan.risk };
  },
});

async function idsOfOurs({ db }: Call, { product, target }: { product: string; target: string }) {
  const plans = await appliedPlans(db, product, target);
  return new Set(plans.flatMap(({ result }) => readProgress(result).resources.map(({ id }) => id)));
}

async function store(call: Call, plan: PlanBody, digest: string): Promise<number> {
  const { session, services, now, about } = call;
  return call.transaction(async (tx) => {
    const task = await heldTask({ session, services, now, db: tx, about });
    const { id } = await insertPlan(tx, {
      product: plan.product,
      target: plan.target,
      body: JSON.stringify(plan),
      digest,
      task: task.id,
      pipeline: task.pipeline,
      agent: session.agent,
      root: session.root,
      created_at: now,
    });
    return id;
  });
}
