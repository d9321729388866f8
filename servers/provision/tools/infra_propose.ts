import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { planId } from '../../core/ids.ts';
import { NAME, TARGETS } from '../../core/target/names.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { askForDeletion } from '../deletion.ts';
import { desiredAt } from '../desired.ts';
import { type Wanted, wantedBy } from '../make_plan.ts';
import type { PlanBody } from '../plan.ts';
import { proposal } from '../proposal.ts';
import { insertPlan } from '../queries.ts';

const PRODUCT = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

const resource = z.strictObject({
  kind: z.enum(['d1', 'kv', 'r2', 'queue', 'worker']),
  name: z.string().max(63).regex(NAME, 'lower-case letters, digits and inner hyphens'),
});

const input = z
  .strictObject({
    commit: z
      .string()
      .max(40)
      .regex(/^[0-9a-f]{40}$/, 'a full commit id')
      .optional()
      .describe('Whose infra.yaml is read; mainline unless given.'),
    product: z.string().max(40).regex(PRODUCT, 'lower-case letters, digits and inner dashes').optional(),
    target: z.enum(TARGETS).optional(),
    resources: z
      .array(resource)
      .min(1)
      .max(20)
      .refine((all) => new Set(all.map(({ kind, name }) => `${kind} ${name}`)).size === all.length, {
        error: 'names one resource twice',
      })
      .optional(),
  })
  .refine(
    ({ commit, product, target, resources }) =>
      resources
        ? commit === undefined && product !== undefined && target !== undefined
        : product === undefined && target === undefined,
    { error: 'give product, target and resources together, or none of them to have infra.yaml read' },
  );

export default defineTool({
  name: 'infra_propose',
  needs: 'infra:propose',
  effect: 'write',
  outside: true,
  description:
    "Propose a product's infrastructure: the server compares infra.yaml, or what you name, with what exists and makes a plan for another agent to approve. Deleting data also needs the human.",
  input,
  output: z.object({
    plan: z.string(),
    digest: z.string(),
    changes: z.array(z.object({ action: z.string(), kind: z.string(), name: z.string() })),
    cost: z.string(),
    risk: z.string(),
    checkpoint: z.string().optional(),
  }),

  async handler(given, call) {
    await heldTask(call);
    const { plan, digest } = await proposal(call.services, call.db, await wantedOf(call, given));
    const { id, checkpoint } = await store(call, plan, digest);
    const changes = plan.changes.map(({ action, kind, name }) => ({ action, kind, name }));
    const asked = checkpoint === undefined ? {} : { checkpoint };
    return { plan: planId(id), digest, changes, cost: plan.cost, risk: plan.risk.slice(0, 2000), ...asked };
  },
});

async function wantedOf(call: Call, given: z.output<typeof input>): Promise<Wanted> {
  const { commit, product = '', target = '', resources } = given;
  if (resources) return { product, target, whole: false, resources, addresses: [] };
  const desired = await desiredAt(call.services, call.db, commit);
  return wantedBy(desired.infra, desired.commit);
}

async function store(call: Call, plan: PlanBody, digest: string) {
  const { session, now, about } = call;
  return call.transaction(async (tx) => {
    const task = await heldTask({ session, now, db: tx, about });
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
    return { id, checkpoint: await askForDeletion(tx, call, task, { id, plan, digest }) };
  });
}
