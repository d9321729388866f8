import * as z from 'zod';
import { idInput } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { activityAfter } from '../agents_queries.ts';
import { clip, fitting } from '../fit.ts';

export default defineTool({
  name: 'activity_list',
  needs: 'pipeline:read',
  effect: 'read',
  description:
    'Read the record: who did what, what was refused and by which rule. Oldest first, a page at a time.',
  input: z.strictObject({
    task: idInput('T').optional(),
    after: z.int().min(0).default(0).describe('The last seq of the page before.'),
    limit: z.int().min(1).max(40).default(20),
  }),
  output: z.object({
    entries: z.array(
      z.object({
        seq: z.number(),
        at: z.string(),
        agent: z.string(),
        role: z.string(),
        event: z.string(),
        tool: z.string(),
        subject: z.string(),
        rule: z.string(),
        why: z.string(),
      }),
    ),
  }),

  async handler({ task, after, limit }, { db }) {
    const rows = await activityAfter(db, after, limit, task === undefined ? undefined : `task:${task}`);
    const entries = rows.map(({ code: _code, at, why, ...row }) => ({
      ...row,
      at: new Date(at).toISOString(),
      why: clip(why, 120),
    }));
    return { entries: fitting(entries) };
  },
});
