import { ToolError } from '../core/errors.ts';
import type { HeldTask } from '../core/held.ts';
import { taskId } from '../core/ids.ts';
import { memoryIsFresh } from '../core/memory/fresh.ts';
import { isGranted } from '../core/permissions.ts';
import type { Call } from '../core/tool.ts';

/**
 * Refuses to let go of a task in which the session changed something that its memory does not know of yet, where the
 * factory asks for memory and the role may write it. `task_block` is not asked: the honest stop stays open to an
 * agent that cannot write, and what it says there is kept with the task. Throws `GATE_CLOSED`.
 */
export async function refuseStaleMemory(call: Call, task: HeldTask): Promise<void> {
  const { tx, factory, session } = call;
  if (!factory.memory.required || !isGranted(factory.roles[session.role]?.may ?? [], 'memory:own')) return;
  const { fresh, changedAt, rememberedAt } = await memoryIsFresh(tx, { session, task });
  if (fresh) return;
  const changed = `you changed something in ${taskId(task.id)} at ${at(changedAt)}`;
  const wrote =
    rememberedAt === null ? 'and wrote no memory' : `and last wrote memory at ${at(rememberedAt)}`;
  throw new ToolError(
    'GATE_CLOSED',
    `Your next session would not know what you did: ${changed} ${wrote}.`,
    'Call memory_write: what is so now ("fact"), what you decided and why, what is open ("thread"), and the next step; then again.',
    { rule: 'memory.stale' },
  );
}

const at = (ms: number | null) => new Date(ms ?? 0).toISOString();
