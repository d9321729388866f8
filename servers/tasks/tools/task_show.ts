import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { findTask } from '../../core/held.ts';
import { artifactId, idInput, pipelineId, taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { taskArtifacts } from '../artifacts_queries.ts';
import { clip } from '../fit.ts';
import { holderOf } from '../queries.ts';

export default defineTool({
  name: 'task_show',
  needs: 'task:read',
  effect: 'read',
  description: 'Show one task: what it asks, where it stands, who holds it and which artifacts it left.',
  input: z.strictObject({ task: idInput('T') }),
  output: z.object({
    task: z.string(),
    title: z.string(),
    description: z.string(),
    criteria: z.array(z.string()),
    stops: z.array(z.string()),
    role: z.string(),
    state: z.string(),
    round: z.number(),
    pipeline: z.string().nullable(),
    phase: z.string().nullable(),
    holder: z.string().nullable(),
    outcome: z.string().nullable(),
    artifacts: z.array(
      z.object({ artifact: z.string(), name: z.string(), size: z.number(), by: z.string() }),
    ),
  }),

  async handler({ task: id }, { db }) {
    const task = await findTask(db, id);
    if (!task)
      throw new ToolError('NOT_FOUND', `No task ${taskId(id)}.`, 'Call task_list for the ids that exist.');
    const holder = task.state === 'active' ? await holderOf(db, id) : undefined;
    const artifacts = await taskArtifacts(db, id);
    return {
      task: taskId(id),
      title: clip(task.title, 250),
      description: clip(task.description, 2_500),
      criteria: JSON.parse(task.criteria) as string[],
      stops: JSON.parse(task.stops) as string[],
      role: task.role,
      state: task.state,
      round: task.round,
      pipeline: task.pipeline === null ? null : pipelineId(task.pipeline),
      phase: task.phase,
      holder: holder?.agent ?? null,
      outcome: task.outcome === null ? null : clip(task.outcome, 1_500),
      artifacts: artifacts.map((row) => ({
        artifact: artifactId(row.id),
        name: row.name,
        size: row.size,
        by: row.agent,
      })),
    };
  },
});
