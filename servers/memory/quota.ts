import { ToolError } from '../core/errors.ts';
import type { Tx } from '../core/store/store.ts';
import { recordedAt } from './queries.ts';

const DAY = 86_400_000;

/**
 * Refuses an entry beyond `perDay` of its agent in 24 hours. Throws `LIMIT`.
 *
 * @param now milliseconds since 1970
 */
export async function refuseOverQuota(tx: Tx, agent: string, perDay: number, now: number): Promise<void> {
  const [oldest] = await recordedAt(tx, { agent, offset: perDay - 1 });
  if (!oldest || oldest.recorded_at <= now - DAY) return;
  const free = new Date(oldest.recorded_at + DAY).toISOString();
  throw new ToolError(
    'LIMIT',
    `You have kept ${perDay} entries in 24 hours; the next is free at ${free}.`,
    'Write one entry that says it all next time; now say the rest in your artifact, or stop with task_block.',
    { rule: 'memory.quota' },
  );
}
