import { ToolError } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { storedBook } from '../book.ts';
import { sharedBudget } from '../rate_budget.ts';
import type { Target } from '../target.ts';
import { cloudflareClient } from './client.ts';
import { type AddressOf, openCloudflareTarget } from './cloudflare.ts';

const TOKEN = 'CLOUDFLARE_API_TOKEN';

/**
 * The account that the signed factory file names, with the token that a human set: it is opened for each request and
 * kept nowhere. Throws GATE_CLOSED with rule `target.unset` where the factory file names no account.
 */
export async function cloudflareOfFactory(services: Services): Promise<Target> {
  const { factory } = await services.factory();
  const place = factory.targets.cloudflare;
  if (!place) throw unset();
  const { account, api, addresses } = place;
  const token = async () =>
    (await services.secrets({ product: '', target: 'cloudflare', names: [TOKEN] }))[TOKEN] ?? '';
  const budget = sharedBudget(services.store, services.clock, `cloudflare ${account}`);
  return openCloudflareTarget({
    client: cloudflareClient({ account, token, budget, ...(api === undefined ? {} : { api }) }),
    book: storedBook(services.store, 'cloudflare'),
    clock: services.clock,
    ...(addresses && { addressOf: addressIn(addresses) }),
  });
}

/** The addresses that the signed factory file gives; nothing of a product's repository has a say in where it is probed. */
const addressIn =
  ({ worker: whole, version }: { worker: string; version: string }): AddressOf =>
  async (worker, remote) =>
    (remote === null ? whole : version).replaceAll('{worker}', worker).replaceAll('{version}', remote ?? '');

const unset = () =>
  new ToolError(
    'GATE_CLOSED',
    'The factory file names no Cloudflare account, so nothing can be done there.',
    'Say so in task_block; a human adds targets.cloudflare.account to factory.yaml and applies it.',
    { rule: 'target.unset' },
  );
