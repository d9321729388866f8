import * as z from 'zod';
import { defineTool } from '../../core/tool.ts';
import { jobOnSubmission } from '../submitted.ts';

/** Of the probe, or of the look at the pages. */
const proved = z.object({
  severity: z.string(),
  kind: z.string(),
  title: z.string(),
  where: z.string(),
  evidence: z.string(),
  reproduction: z.array(z.string()),
});
const seen = z.object({
  severity: z.string(),
  class: z.string(),
  where: z.string(),
  what: z.string(),
  reproduce: z.string(),
});

const output = z.object({
  done: z.boolean(),
  job: z.string().optional(),
  closed: z.boolean().optional(),
  why: z.string().optional(),
  findings: z.array(z.union([proved, seen])).optional(),
  requests: z.number().optional(),
  pages: z.number().optional(),
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
    'Attack the submitted change as it runs, or look at its pages. Answers with findings, or a job for task_wait.',
  input: z.strictObject({ pages: z.boolean().default(false) }),
  output,

  async handler({ pages }, call) {
    const { id: session, agent, root } = call.session;
    const result = await jobOnSubmission(
      call,
      pages ? 'qa.page' : 'qa.probe',
      ({ id: task, pipeline, fence }) => ({
        holding: { task, pipeline, fence, session, agent, root },
      }),
    );
    return output.parse(result);
  },
});
