import * as z from 'zod';
import { defineTool } from '../../core/tool.ts';
import { jobOnSubmission } from '../submitted.ts';

const finding = z.object({
  severity: z.string(),
  kind: z.string(),
  title: z.string(),
  where: z.string(),
  evidence: z.string(),
  reproduction: z.array(z.string()),
});

const output = z.object({
  done: z.boolean(),
  job: z.string().optional(),
  closed: z.boolean().optional(),
  why: z.string().optional(),
  findings: z.array(finding).optional(),
  requests: z.number().optional(),
  isolation: z.string().optional(),
  ms: z.number().optional(),
  digest: z.string().optional(),
});

export default defineTool({
  name: 'qa_probe',
  needs: 'qa:run',
  effect: 'write',
  outside: true,
  description:
    'Have the server run the submitted change and attack it. Answers with confirmed findings, worst first, or with a job for task_wait.',
  input: z.strictObject({}),
  output,

  async handler(_input, call) {
    const { id: session, agent, root } = call.session;
    const result = await jobOnSubmission(call, 'qa.probe', ({ id: task, pipeline, fence }) => ({
      holding: { task, pipeline, fence, session, agent, root },
    }));
    return output.parse(result);
  },
});
