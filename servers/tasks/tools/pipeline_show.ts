import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { definitionOf } from '../../core/factory/steps.ts';
import { idInput, pipelineId, taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { estimateLines } from '../estimates.ts';
import { clip } from '../fit.ts';
import { findPipeline, pipelineTasks } from '../pipelines_queries.ts';

const MOST_ESTIMATES = 12;

export default defineTool({
  name: 'pipeline_show',
  needs: 'pipeline:read',
  effect: 'read',
  description: 'Show where a pipeline stands: each phase with the tasks of its last round.',
  input: z.strictObject({ pipeline: idInput('P') }),
  output: z.object({
    pipeline: z.string(),
    name: z.string(),
    state: z.string(),
    request: z.string(),
    phases: z.array(
      z.object({
        phase: z.string(),
        round: z.number(),
        tasks: z.array(z.object({ task: z.string(), step: z.string(), role: z.string(), state: z.string() })),
      }),
    ),
    estimates: z.array(z.string()).describe('What estimates of such phases were worth.'),
  }),

  async handler({ pipeline: id }, { db }) {
    const run = await findPipeline(db, id);
    if (!run)
      throw new ToolError(
        'NOT_FOUND',
        `No pipeline ${pipelineId(id)}.`,
        'Call task_list; it names the pipeline of each task.',
      );
    const tasks = await pipelineTasks(db, id);
    const phases = definitionOf(run).phases.map((phase) => {
      const own = tasks.filter((task) => task.phase === phase.id);
      const round = Math.max(0, ...own.map((task) => task.round));
      const last = own.filter((task) => task.round === round);
      return {
        phase: phase.id,
        round,
        tasks: last.map((task) => ({
          task: taskId(task.id),
          step: task.step ?? '',
          role: task.role,
          state: task.state,
        })),
      };
    });
    return {
      pipeline: pipelineId(id),
      name: run.name,
      state: run.state,
      request: clip(run.request, 1_000),
      phases,
      estimates: await estimateLines(db, run.name, MOST_ESTIMATES),
    };
  },
});
