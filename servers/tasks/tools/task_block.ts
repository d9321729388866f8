import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { taskId } from '../../core/ids.ts';
import { releaseLease } from '../../core/leases.ts';
import { defineTool } from '../../core/tool.ts';
import { endLessons } from '../lessons.ts';
import { finishTask, forgetTask } from '../queries.ts';

export default defineTool({
  name: 'task_block',
  needs: 'task:work',
  effect: 'write',
  description: 'Stop with the reason when the task cannot be done as it stands. The lead and human see it.',
  input: z.strictObject({
    why: z
      .string()
      .trim()
      .min(10)
      .max(4000)
      .describe('What is in the way, quoting places, and what would remove it.'),
  }),
  output: z.object({ task: z.string(), state: z.literal('blocked') }),

  async handler({ why }, call) {
    const task = await heldTask(call);
    await releaseLease(call.tx, 'task', task.id);
    await finishTask(call.tx, task.id, 'blocked', why, call.now);
    await endLessons(call, task, false);
    await forgetTask(call.tx, call.session.id);
    return { task: taskId(task.id), state: 'blocked' as const };
  },
});
