import * as z from 'zod';
import { defineTool } from '../../core/tool.ts';
import { jobOnSubmission } from '../submitted.ts';

const output = z.object({
  done: z.boolean(),
  job: z.string().optional(),
  closed: z.boolean().optional(),
  why: z.string().optional(),
  tests: z.number().optional(),
  isolation: z.string().optional(),
  ms: z.number().optional(),
  digest: z.string().optional(),
});

export default defineTool({
  name: 'qa_run',
  needs: 'qa:run',
  effect: 'write',
  outside: true,
  description:
    "Have the server run the product's own tests on the submitted change. Answers with the result, or with a job for task_wait.",
  input: z.strictObject({}),
  output,

  handler: async (_input, call) => output.parse(await jobOnSubmission(call, 'qa.run')),
});
