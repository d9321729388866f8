import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { taskId } from '../../core/ids.ts';
import { releaseLease } from '../../core/leases.ts';
import { defineTool } from '../../core/tool.ts';
import { forgetTask, setState } from '../queries.ts';
import { refuseStaleMemory } from '../remembered.ts';

export default defineTool({
  name: 'task_return',
  needs: 'task:work',
  effect: 'write',
  description: 'Give your task back for another agent. Use task_block when nobody could finish it.',
  input: z.strictObject({ why: z.string().trim().min(3).max(2000) }),
  output: z.object({ task: z.string(), state: z.literal('ready') }),

  async handler(_input, call) {
    const task = await heldTask(call);
    await refuseStaleMemory(call, task);
    await releaseLease(call.tx, 'task', task.id);
    await setState(call.tx, task.id, 'ready');
    await forgetTask(call.tx, call.session.id);
    return { task: taskId(task.id), state: 'ready' as const };
  },
});
