import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, planId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import type { Row } from '../../core/store/schema.ts';
import { defineTool } from '../../core/tool.ts';
import { applyPlan } from '../apply.ts';
import { noSuchPlan } from '../no_such_plan.ts';
import { type Progress, readProgress } from '../plan.ts';
import { findPlan } from '../queries.ts';

export default defineTool({
  name: 'infra_apply',
  needs: 'infra:apply',
  effect: 'write',
  outside: true,
  description:
    'Have an approved plan applied. What exists is adopted, nothing is deleted; after an interruption call it again.',
  input: z.strictObject({ plan: idInput('I') }),
  output: z.object({
    plan: z.string(),
    state: z.string(),
    resources: z.array(
      z.object({ kind: z.string(), name: z.string(), id: z.string(), created: z.boolean() }),
    ),
  }),

  async handler({ plan: id }, call) {
    const plan = await findPlan(call.db, id);
    if (!plan) throw noSuchPlan(id);
    call.about(`plan:${id}`);
    if (plan.state === 'applied') return answer(id, readProgress(plan.result));
    if (plan.state !== 'approved') throw unapproved(plan);
    await refuseIfStopped(call.db, call.session.role);
    const target = await call.services.target(plan.target);
    return answer(id, await applyPlan(plan, target, call.transaction));
  },
});

const answer = (id: number, { resources }: Progress) => ({ plan: planId(id), state: 'applied', resources });

const unapproved = ({ id, state }: Row<'plans'>) =>
  new ToolError(
    'GATE_CLOSED',
    `${planId(id)} is ${state}; only an approved plan is applied.`,
    state === 'proposed'
      ? 'Complete your task: another agent judges the plan with infra_review.'
      : 'Propose a plan that answers the rejection, with infra_propose.',
    { rule: 'infra.unapproved' },
  );
