import * as z from 'zod';
import { planId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { readPlan } from '../plan.ts';
import { latestPlans } from '../queries.ts';

/** An answer has 10,000 characters, and a plan up to 20 changes. */
const PLANS = 3;
const RESOURCES = 20;

export default defineTool({
  name: 'infra_list',
  needs: 'infra:read',
  effect: 'read',
  description: 'The latest infrastructure plans, newest last, and the resources that exist.',
  input: z.strictObject({}),
  output: z.object({
    plans: z.array(
      z.object({
        plan: z.string(),
        product: z.string(),
        target: z.string(),
        state: z.string(),
        digest: z.string(),
        changes: z.array(z.string()),
        cost: z.string(),
        risk: z.string(),
      }),
    ),
    resources: z.array(z.string()).describe('Kind, name and id; the newest of each target.'),
  }),

  async handler(_input, { db, services }) {
    const plans = await latestPlans(db, PLANS);
    const resources = await (await services.target('local')).resources();
    const newest = resources.sort((a, b) => a.createdAt - b.createdAt).slice(-RESOURCES);
    return {
      plans: plans.map(({ id, body, digest, state }) => {
        const { product, target, changes, cost, risk } = readPlan(body);
        const lines = changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`);
        return {
          plan: planId(id),
          product,
          target,
          state,
          digest,
          changes: lines,
          cost,
          risk: risk.slice(0, 300),
        };
      }),
      resources: newest.map(({ kind, name, id }) => `${kind} ${name} ${id}`),
    };
  },
});
