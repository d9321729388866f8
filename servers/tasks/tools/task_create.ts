import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { roleFor } from '../../core/factory/parse.ts';
import { idInput, taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { countUnfinished, insertTask, missingTasks } from '../queries.ts';

export default defineTool({
  name: 'task_create',
  needs: 'task:plan',
  effect: 'write',
  description:
    'Create one task for a role, with observable acceptance criteria and stop conditions. For a whole product or feature use pipeline_start.',
  input: z.strictObject({
    title: z.string().trim().min(3).max(200),
    description: z.string().max(4000).default(''),
    criteria: z
      .array(z.string().trim().min(3).max(500))
      .min(1)
      .max(20)
      .describe('What must be seen from outside when it is done.'),
    stops: z.array(z.string().trim().min(3).max(500)).min(1).max(10).describe('When to stop and ask.'),
    role: z.string().max(40).describe('Who shall do it.'),
    priority: z.int().min(1).max(99).default(50).describe('Lower goes first.'),
    needs: z.array(idInput('T')).max(100).default([]).describe('Tasks that must be done before.'),
  }),
  output: z.object({ task: z.string(), state: z.string() }),

  async handler(input, { db, tx, factory, session, now, about }) {
    const role = roleFor(factory, input.role);
    if (!role) {
      const roles = Object.keys(factory.roles).join(', ');
      throw new ToolError('INVALID_INPUT', 'There is no such role.', `Use one of ${roles}.`, {
        rule: 'input.invalid',
      });
    }
    const missing = await missingTasks(db, input.needs);
    if (missing.length > 0) {
      throw new ToolError(
        'NOT_FOUND',
        `No task ${missing.map(taskId).join(', ')}.`,
        'Call task_list for the ids that exist.',
      );
    }
    if ((await countUnfinished(db)) >= factory.limits.open_tasks) {
      throw new ToolError(
        'LIMIT',
        `The factory has ${factory.limits.open_tasks} open tasks, its limit.`,
        'Finish or block some first; task_list shows them.',
        {
          rule: 'limit.open-tasks',
        },
      );
    }
    const id = await insertTask(tx, {
      ...input,
      needs: [...new Set(input.needs)],
      role,
      createdBy: session.agent,
      now,
    });
    about(`task:${id}`);
    const { state } = await db
      .selectFrom('tasks')
      .select('state')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return { task: taskId(id), state };
  },
});
