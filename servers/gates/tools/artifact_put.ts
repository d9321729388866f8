import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { heldTask } from '../../core/held.ts';
import { artifactId, taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { name, text } from '../input.ts';
import { countArtifacts, insertArtifact, stepOfTask } from '../queries.ts';

const MAX_BODY = 200_000;
const MAX_A_TASK = 100;

export default defineTool({
  name: 'artifact_put',
  needs: 'task:work',
  effect: 'write',
  description:
    'Attach a document to your task, in a pipeline under a name that your brief lists in "leaves". A correction is a new one under the same name.',
  input: z.strictObject({
    name,
    media: z.enum(['text/markdown', 'application/json', 'text/plain']).default('text/markdown'),
    body: text(MAX_BODY),
  }),
  output: z.object({ artifact: z.string(), name: z.string(), digest: z.string(), size: z.number() }),

  async handler(document, call) {
    const task = await heldTask(call);
    const step = await stepOfTask(call.tx, task);
    if (step && !step.writes.includes(document.name)) {
      const wanted = step.writes.map((writes) => `"${writes}"`).join(', ');
      throw new ToolError(
        'FORBIDDEN',
        `${taskId(task.id)} leaves ${wanted || 'no artifact'}, not "${document.name}".`,
        wanted ? `Call artifact_put again, named ${wanted}.` : 'Say it in the summary of task_complete.',
        { rule: 'artifact.name' },
      );
    }
    if (document.media === 'application/json') refuseBadJson(document.body);
    if ((await countArtifacts(call.tx, task.id)) >= MAX_A_TASK) {
      throw new ToolError(
        'LIMIT',
        `${taskId(task.id)} has ${MAX_A_TASK} artifacts.`,
        'Hand it in with task_complete, or ask with task_block.',
        { rule: 'artifact.count' },
      );
    }
    const row = await insertArtifact(call.tx, document, { task, session: call.session, now: call.now });
    return { artifact: artifactId(row.id), name: document.name, digest: row.digest, size: row.size };
  },
});

function refuseBadJson(body: string): void {
  try {
    JSON.parse(body);
  } catch {
    throw new ToolError('INVALID_INPUT', 'body: is not JSON.', 'Correct it, or use media text/plain.', {
      rule: 'input.invalid',
    });
  }
}
