import { setTimeout } from 'node:timers/promises';
import { ToolError } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { storedBook } from '../book.ts';
import { sharedBudget } from '../rate_budget.ts';
import type { Target } from '../target.ts';
import { vercelClient } from './client.ts';
import { openVercelTarget } from './vercel.ts';

const TOKEN = 'VERCEL_TOKEN';

/**
 * The account or team that the signed factory file names, with the token that a human set: it is opened for each
 * request and kept nowhere. Throws GATE_CLOSED with rule `target.unset` where the factory file names none.
 */
export async function vercelOfFactory(services: Services): Promise<Target> {
  const { factory } = await services.factory();
  const place = factory.targets.vercel;
  if (!place) throw unset();
  const { team, api } = place;
  const token = async () =>
    (await services.secrets({ product: '', target: 'vercel', names: [TOKEN] }))[TOKEN] ?? '';
  const client = vercelClient({
    token,
    budget: sharedBudget(services.store, services.clock, `vercel ${team ?? ''}`),
    ...(team === undefined ? {} : { team }),
    ...(api === undefined ? {} : { api }),
  });
  const pace = { sleep: (ms: number) => setTimeout(ms), now: Date.now };
  return openVercelTarget({
    client,
    book: storedBook(services.store, 'vercel'),
    clock: services.clock,
    pace,
  });
}

const unset = () =>
  new ToolError(
    'GATE_CLOSED',
    'The factory file names no Vercel account, so nothing can be done there.',
    'Say so in task_block; a human adds targets.vercel to factory.yaml and applies it.',
    { rule: 'target.unset' },
  );
