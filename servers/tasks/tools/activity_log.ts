import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';

export default defineTool({
  name: 'activity_log',
  needs: 'task:work',
  effect: 'write',
  description: 'Note in the record what you decided or found on your task.',
  input: z.strictObject({ note: z.string().trim().min(3).max(2000) }),
  output: z.object({ task: z.string() }),

  async handler(_input, call) {
    const task = await heldTask(call);
    return { task: taskId(task.id) };
  },
});
