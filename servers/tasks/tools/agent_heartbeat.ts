import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { taskId } from '../../core/ids.ts';
import { beatLeases, leaseMs } from '../../core/leases.ts';
import { defineTool } from '../../core/tool.ts';

export default defineTool({
  name: 'agent_heartbeat',
  needs: 'agent:beat',
  effect: 'write',
  description: 'Show others that long work has not stalled. Your lease is kept without it.',
  input: z.strictObject({ progress: z.string().trim().min(3).max(500) }),
  output: z.object({ task: z.string(), lease_ends_at: z.string() }),

  async handler(_input, call) {
    const task = await heldTask(call);
    const endsAt = call.now + leaseMs(call.factory);
    await beatLeases(call.tx, call.session.id, call.now, endsAt);
    return { task: taskId(task.id), lease_ends_at: new Date(endsAt).toISOString() };
  },
});
