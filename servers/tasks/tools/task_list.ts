import * as z from 'zod';
import { idInput, pipelineId, taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { clip, fitting } from '../fit.ts';
import { listTasks } from '../queries.ts';

export default defineTool({
  name: 'task_list',
  needs: 'task:read',
  effect: 'read',
  description: 'List tasks, oldest first, a page at a time.',
  input: z.strictObject({
    state: z.enum(['waiting', 'ready', 'active', 'done', 'blocked', 'cancelled']).optional(),
    mine: z.boolean().default(false).describe('Only tasks for your role.'),
    pipeline: idInput('P').optional(),
    after: idInput('T').optional().describe('Last of the page before.'),
    limit: z.int().min(1).max(50).default(20),
  }),
  output: z.object({
    tasks: z.array(
      z.object({
        task: z.string(),
        title: z.string(),
        role: z.string(),
        state: z.string(),
        pipeline: z.string().optional(),
        phase: z.string().optional(),
        round: z.number(),
      }),
    ),
    more: z.boolean(),
  }),

  async handler({ state, mine, pipeline, after, limit }, { db, session }) {
    const rows = await listTasks(db, {
      state,
      pipeline,
      role: mine ? session.role : undefined,
      after: after ?? 0,
      limit: limit + 1,
    });
    const page = rows.slice(0, limit).map((row) => ({
      task: taskId(row.id),
      title: clip(row.title, 100),
      role: row.role,
      state: row.state,
      ...(row.pipeline !== null && { pipeline: pipelineId(row.pipeline) }),
      ...(row.phase !== null && { phase: row.phase }),
      round: row.round,
    }));
    const tasks = fitting(page);
    return { tasks, more: rows.length > tasks.length };
  },
});
