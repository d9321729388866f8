import * as z from 'zod';
import type { HeldTask } from '../../core/held.ts';
import { defineTool } from '../../core/tool.ts';
import { criteriaOf } from '../criteria.ts';
import { holdingOf, jobOnSubmission, submittedChange } from '../submitted.ts';

const output = z.object({
  done: z.boolean(),
  job: z.string().optional(),
  closed: z.boolean().optional(),
  why: z.string().optional(),
  tests: z.number().optional(),
  flaky: z.array(z.string()).optional(),
  launch: z.string().optional(),
  coverage: z.string().optional(),
  proves_nothing: z.array(z.string()).optional(),
  mutants: z.string().optional(),
  checks: z.array(z.string()).optional(),
  criteria: z.array(z.string()),
  isolation: z.string().optional(),
  ms: z.number().optional(),
  digest: z.string().optional(),
});

/** Small defects put into changed lines, to see whether a test notices. */
const MUTANTS = 2;

export default defineTool({
  name: 'qa_run',
  needs: 'qa:run',
  effect: 'write',
  outside: true,
  description:
    "Run the product's own tests on the submitted change. Answers with their ids, or a job for task_wait.",
  input: z.strictObject({}),
  output,

  async handler(_input, call) {
    const { submission } = await submittedChange(call, call.db);
    const criteria = await criteriaOf(call.db, submission);
    const input = (task: HeldTask) => ({ ...holdingOf(call)(task), mutants: MUTANTS });
    return output.parse({ ...(await jobOnSubmission(call, 'qa.run', input)), criteria });
  },
});
