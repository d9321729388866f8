import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { ApiRefusal, ApiUnanswered } from '../rest.ts';
import type { CloudflareClient } from './client.ts';

const shares = z.array(z.object({ version_id: z.string(), percentage: z.number() }));
const deployments = z.object({ deployments: z.array(z.object({ versions: shares })) });

/** Versions by their id at Cloudflare, with whole percents. */
export type RemoteShares = z.output<typeof shares>;

const pathOf = (worker: string) => `/accounts/:account/workers/scripts/${worker}/deployments`;

/** What a Worker serves now; empty where nothing was deployed, or there is no such Worker. */
export async function deployed(client: CloudflareClient, worker: string): Promise<RemoteShares> {
  const found = await client
    .call(deployments, { method: 'GET', path: pathOf(worker) })
    .catch((error: unknown) => {
      if (error instanceof ApiRefusal && error.status === 404) return { deployments: [] };
      throw error;
    });
  return found.deployments[0]?.versions ?? [];
}

/**
 * Makes a Worker serve exactly these versions, each by its id; nothing is left to Cloudflare's idea of the latest.
 * Asks what is served first and afterwards, so that repeating it does nothing and an answer that was lost is no
 * failure. Throws UPSTREAM with rule `cloudflare.split` when Cloudflare says yes and serves something else.
 */
export async function deploy(
  client: CloudflareClient,
  worker: string,
  wanted: RemoteShares,
  message: string,
): Promise<void> {
  if (same(await deployed(client, worker), wanted)) return;
  const annotations = { 'workers/message': message.slice(0, 100) };
  const json = { strategy: 'percentage', versions: wanted, annotations };
  const lost = await client
    .call(z.unknown(), { method: 'POST', path: pathOf(worker), json, repeatable: true })
    .then(() => undefined)
    .catch((error: unknown) => {
      if (error instanceof ApiUnanswered) return error;
      throw error;
    });
  if (same(await deployed(client, worker), wanted)) return;
  throw lost ?? notInForce(worker);
}

function same(a: RemoteShares, b: RemoteShares): boolean {
  const text = (all: RemoteShares) =>
    all
      .filter(({ percentage }) => percentage > 0)
      .map(({ version_id, percentage }) => `${version_id} ${percentage}`)
      .sort()
      .join();
  return text(a) === text(b);
}

const notInForce = (worker: string) =>
  new ToolError(
    'UPSTREAM',
    `Cloudflare took the split of ${worker} and serves another: somebody else deploys to it.`,
    'Call the same tool again; if it fails once more, say so in task_block.',
    { rule: 'cloudflare.split' },
  );
