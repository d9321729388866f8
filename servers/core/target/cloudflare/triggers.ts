import * as z from 'zod';
import type { WorkerConfig } from '../target.ts';
import type { CloudflareClient } from './client.ts';
import { missingResource } from './missing.ts';
import { idsOf } from './resources.ts';
import { scriptPath } from './versions.ts';

const schedules = z.object({ schedules: z.array(z.object({ cron: z.string() })) });
const consumer = z.object({
  consumer_id: z.string(),
  script: z.string().nullish(),
  script_name: z.string().nullish(),
});

/**
 * Makes the cron triggers and queue consumers of a Worker those of the version that has all traffic: Cloudflare keeps
 * them by Worker and not by version. A queue that is
 * bound to this Worker already is left as it is.
 */
export async function setTriggers(
  client: CloudflareClient,
  wanted: Pick<WorkerConfig, 'name' | 'crons' | 'queues'>,
): Promise<void> {
  await setCrons(client, wanted.name, wanted.crons);
  const queues = wanted.queues.consumers;
  if (queues.length === 0) return;
  const ids = await idsOf(client, 'queue');
  for (const { queue, maxBatchSize } of queues) {
    const id = ids.get(queue);
    if (id === undefined) throw missingResource('queue', queue);
    const path = `/accounts/:account/queues/${id}/consumers`;
    const there = await client.call(z.array(consumer), { method: 'GET', path });
    if (there.some(({ script, script_name }) => (script_name ?? script) === wanted.name)) continue;
    const settings = maxBatchSize === undefined ? {} : { batch_size: maxBatchSize };
    const json = { type: 'worker', script_name: wanted.name, settings };
    await client.call(z.unknown(), { method: 'POST', path, json });
  }
}

async function setCrons(client: CloudflareClient, worker: string, crons: readonly string[]): Promise<void> {
  const path = `${scriptPath(worker)}/schedules`;
  const now = await client.call(schedules, { method: 'GET', path });
  const text = (all: readonly string[]) => [...all].sort().join('\n');
  if (text(now.schedules.map(({ cron }) => cron)) === text(crons)) return;
  await client.call(z.unknown(), {
    method: 'PUT',
    path,
    json: crons.map((cron) => ({ cron })),
    repeatable: true,
  });
}
