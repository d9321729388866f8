import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { pipelineId, taskId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import { defineTool } from '../../core/tool.ts';
import { refuseIfFull } from '../limits.ts';
import { addRound } from '../pipelines.ts';
import { insertPipeline, pipelineTasks } from '../pipelines_queries.ts';

export default defineTool({
  name: 'pipeline_start',
  needs: 'task:plan',
  effect: 'write',
  description:
    'Start a pipeline for one request. Its tasks become ready phase by phase; each goes to the role that the factory names.',
  input: z.strictObject({
    pipeline: z.string().max(40).describe("product, feature, fix, or one of the factory's own."),
    request: z
      .string()
      .trim()
      .min(10)
      .max(4000)
      .describe('What is wanted, in the words of whoever wants it.'),
  }),
  output: z.object({ pipeline: z.string(), first_tasks: z.array(z.string()) }),

  async handler({ pipeline: name, request }, { tx, factory, pipelines, session, now, about }) {
    await refuseIfStopped(tx, session.role);
    const definition = pipelines.get(name);
    if (!definition) {
      throw new ToolError(
        'NOT_FOUND',
        'There is no such pipeline.',
        `Use one of ${[...pipelines.keys()].join(', ')}.`,
      );
    }
    await refuseIfFull(tx, factory, definition.phases.flatMap(({ steps }) => steps).length);
    const run = await insertPipeline(tx, {
      name,
      request,
      definition: JSON.stringify(definition),
      createdBy: session.agent,
      now,
    });
    about(`pipeline:${run.id}`);
    await addRound({ tx, factory, run, round: 1, createdBy: session.agent, now }, definition.phases);
    const ready = (await pipelineTasks(tx, run.id)).filter((task) => task.state === 'ready');
    return { pipeline: pipelineId(run.id), first_tasks: ready.map((task) => taskId(task.id)) };
  },
});
