import * as z from 'zod';
import { planId } from '../../core/ids.ts';
import { type SecretAge, secretAges } from '../../core/secrets/secrets.ts';
import { defineTool } from '../../core/tool.ts';
import { changeLine, readPlan } from '../plan.ts';
import { latestPlans } from '../queries.ts';

/** An answer has 10,000 characters, and a plan up to 20 changes. */
const PLANS = 3;
const RESOURCES = 20;

const SECRETS = 30;
const DAY = 86_400_000;

export default defineTool({
  name: 'infra_list',
  needs: 'infra:read',
  effect: 'read',
  description:
    'The latest infrastructure plans, newest last, the resources that exist, and names and ages of secrets.',
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
    resources: z.array(z.string()).describe('Kind, name and id; the newest on this machine.'),
    secrets: z.array(z.string()).describe('Names and ages; nobody here sees a value.'),
  }),

  async handler(_input, { db, services, now }) {
    const plans = await latestPlans(db, PLANS);
    const resources = await (await services.target('local')).resources();
    const newest = resources.sort((a, b) => a.createdAt - b.createdAt).slice(-RESOURCES);
    return {
      plans: plans.map(({ id, body, digest, state }) => {
        const { product, target, changes, cost, risk } = readPlan(body);
        const lines = changes.map((change) => changeLine(change).slice(0, 120));
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
      secrets: (await secretAges(db)).slice(0, SECRETS).map((one) => secretLine(one, now)),
    };
  },
});

function secretLine({ product, target, name, rotatedAt, rotating }: SecretAge, now: number): string {
  const age = `${Math.floor((now - rotatedAt) / DAY)} days old`;
  return `${name} of ${product || 'the factory'} at ${target}, ${age}${rotating ? ', being rotated' : ''}`;
}
