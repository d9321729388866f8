import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, planId } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import { defineTool } from '../../core/tool.ts';
import { noSuchPlan } from '../no_such_plan.ts';
import { decidePlan, findPlan, insertReview } from '../queries.ts';

export default defineTool({
  name: 'infra_review',
  needs: 'infra:approve',
  effect: 'write',
  description:
    "Approve or reject another agent's infrastructure plan; name the digest of the plan you read in infra_list.",
  input: z.strictObject({
    plan: idInput('I'),
    digest: z
      .string()
      .max(64)
      .regex(/^[0-9a-f]{64}$/, 'the digest that infra_list shows'),
    verdict: z.enum(['accept', 'reject']),
    reasons: z.string().min(1).max(4000),
  }),
  output: z.object({ plan: z.string(), state: z.string(), digest: z.string() }),

  async handler({ plan: id, digest, verdict, reasons }, call) {
    const { tx, session, now } = call;
    const plan = await findPlan(tx, id);
    if (!plan) throw noSuchPlan(id);
    call.about(`plan:${id}`);
    if (plan.agent === session.agent || plan.root === session.root) throw ownPlan(plan);
    if (plan.digest !== digest) throw otherDigest(plan);
    const state = verdict === 'accept' ? ('approved' as const) : ('rejected' as const);
    if (!(await decidePlan(tx, id, state))) throw decided(plan);
    await insertReview(tx, {
      subject: 'plan',
      target: id,
      digest,
      verdict,
      body: JSON.stringify({ summary: reasons }),
      task: session.task,
      session: session.id,
      agent: session.agent,
      root: session.root,
      created_at: now,
    });
    return { plan: planId(id), state, digest };
  },
});

type Plan = Row<'plans'>;

const ownPlan = ({ id }: Plan) =>
  new ToolError(
    'FORBIDDEN',
    `${planId(id)} is your own proposal, in agent or in root session: nobody approves that.`,
    'Leave it to an agent of another root session; task_return gives your task to one.',
    { rule: 'infra.self' },
  );

const otherDigest = ({ id, digest }: Plan) =>
  new ToolError(
    'CONFLICT',
    `${planId(id)} has the digest ${digest}, not the one you read.`,
    'Read the plan with infra_list and judge that one.',
    { rule: 'infra.digest' },
  );

const decided = ({ id, state }: Plan) =>
  new ToolError('CONFLICT', `${planId(id)} is ${state}.`, 'Call infra_list for the plan that is proposed.', {
    rule: 'infra.decided',
  });
