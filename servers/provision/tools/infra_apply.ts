import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { heldTask } from '../../core/held.ts';
import { idInput, planId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import { append } from '../../core/record.ts';
import type { Row } from '../../core/store/schema.ts';
import type { Tx } from '../../core/store/store.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { applyPlan, type Step, stepEntry } from '../apply.ts';
import { refuseUndecided } from '../deletion.ts';
import { noSuchPlan } from '../no_such_plan.ts';
import { type Progress, readProgress } from '../plan.ts';
import { findPlan, planOfPipeline } from '../queries.ts';

export default defineTool({
  name: 'infra_apply',
  needs: 'infra:apply',
  effect: 'write',
  outside: true,
  description:
    'Have an approved plan (the newest of your pipeline) applied. What exists is adopted; data is deleted only after a human signed it. After an interruption call it again.',
  input: z.strictObject({ plan: idInput('I').optional() }),
  output: z.object({
    plan: z.string(),
    state: z.string(),
    resources: z.array(
      z.object({ kind: z.string(), name: z.string(), id: z.string(), created: z.boolean() }),
    ),
    addresses: z.array(z.string()).optional(),
    removed: z.array(z.string()).optional(),
  }),

  async handler({ plan: named }, call) {
    const plan = await planOf(call, named);
    const { id } = plan;
    call.about(`plan:${id}`);
    if (plan.state === 'applied') return answer(id, readProgress(plan.result));
    if (plan.state !== 'approved') throw unapproved(plan);
    await refuseIfStopped(call.db, call.session.role);
    await refuseUndecided(call.db, plan);
    const target = await call.services.target(plan.target);
    return answer(id, await applyPlan(plan, target, keeping(call, id)));
  },
});

/** The plan a call names, else the newest of the held task's pipeline. */
async function planOf(call: Call, named: number | undefined): Promise<Row<'plans'>> {
  const pipeline = named === undefined ? (await heldTask(call)).pipeline : null;
  const plan = named === undefined ? await planOfPipeline(call.db, pipeline) : await findPlan(call.db, named);
  if (plan) return plan;
  throw noSuchPlan(named);
}

/** Each step enters the record with the progress it belongs to. */
const keeping =
  ({ services, session, transaction }: Call, id: number) =>
  (work: (tx: Tx) => Promise<unknown>, step: Step | null): Promise<void> =>
    transaction(async (tx) => {
      await work(tx);
      if (step) await append(services.store, tx, stepEntry(services.clock.now(), session, id, step));
    });

const answer = (id: number, { resources, addresses, removed }: Progress) => ({
  plan: planId(id),
  state: 'applied',
  resources,
  ...(addresses.length > 0 && { addresses: addresses.map(({ kind, name }) => `${kind} ${name}`) }),
  ...(removed.length > 0 && { removed: removed.map(({ kind, name }) => `${kind} ${name}`) }),
});

const unapproved = ({ id, state }: Row<'plans'>) =>
  new ToolError(
    'GATE_CLOSED',
    `${planId(id)} is ${state}; only an approved plan is applied.`,
    state === 'proposed'
      ? 'Complete your task: another agent judges the plan with infra_review.'
      : 'Propose a plan that answers the rejection, with infra_propose.',
    { rule: 'infra.unapproved' },
  );
