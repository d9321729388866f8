import * as z from 'zod';
import { defineTool } from '../../core/tool.ts';
import { jobOnSubmission } from '../submitted.ts';

const output = z.object({
  done: z.boolean(),
  job: z.string().optional(),
  closed: z.boolean().optional(),
  why: z.string().optional(),
  findings: z
    .array(
      z.object({
        class: z.string(),
        severity: z.string(),
        where: z.string(),
        what: z.string(),
        reproduce: z.string(),
      }),
    )
    .optional(),
  pages: z.number().optional(),
  isolation: z.string().optional(),
  ms: z.number().optional(),
  digest: z.string().optional(),
});

export default defineTool({
  name: 'qa_page',
  needs: 'qa:run',
  effect: 'write',
  outside: true,
  description:
    "Have the server look at the submitted change's pages in a browser: sizes, menus, contrast, keyboard. Answers like qa_probe.",
  input: z.strictObject({}),
  output,

  async handler(_input, call) {
    const { id: session, agent, root } = call.session;
    const result = await jobOnSubmission(call, 'qa.page', ({ id: task, pipeline, fence }) => ({
      holding: { task, pipeline, fence, session, agent, root },
    }));
    return output.parse(result);
  },
});
