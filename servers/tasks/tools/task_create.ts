import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { LONGEST_LISTS, roleFor } from '../../core/factory/parse.ts';
import { idInput, taskId } from '../../core/ids.ts';
import type { Tx } from '../../core/store/store.ts';
import { defineTool } from '../../core/tool.ts';
import { refuseIfFull } from '../limits.ts';
import { insertTask, taskStates } from '../queries.ts';

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
    refuseOverlong(input);
    await refuseUnreachable(tx, input.needs);
    await refuseIfFull(tx, factory, 1);
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

function refuseOverlong({ criteria, stops }: { criteria: string[]; stops: string[] }): void {
  if (JSON.stringify([criteria, stops]).length <= LONGEST_LISTS) return;
  throw new ToolError(
    'INVALID_INPUT',
    `criteria and stops: together longer than ${LONGEST_LISTS} characters.`,
    'Shorten them, or split the work into several tasks with task_create.',
    { rule: 'input.invalid' },
  );
}

/** A task that needs one which does not exist, or was cancelled, would wait for ever. */
async function refuseUnreachable(tx: Tx, needs: readonly number[]): Promise<void> {
  const states = await taskStates(tx, needs);
  const missing = needs.filter((id) => !states.has(id));
  if (missing.length > 0) {
    throw new ToolError(
      'NOT_FOUND',
      `No task ${missing.map(taskId).join(', ')}.`,
      'Call task_list for the ids that exist.',
    );
  }
  const cancelled = needs.filter((id) => states.get(id) === 'cancelled');
  if (cancelled.length === 0) return;
  throw new ToolError(
    'CONFLICT',
    `${cancelled.map(taskId).join(', ')} was cancelled and will never be done.`,
    'Call task_create again without it.',
    { rule: 'task.needs-cancelled' },
  );
}
