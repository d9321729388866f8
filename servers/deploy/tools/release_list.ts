import * as z from 'zod';
import { releaseId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { latestReleases } from '../queries.ts';
import { standOf } from '../steps.ts';

const LONGEST = 20;

export default defineTool({
  name: 'release_list',
  needs: 'release:read',
  effect: 'read',
  description: 'The latest releases, newest last.',
  input: z.strictObject({}),
  output: z.object({
    releases: z.array(
      z.object({
        release: z.string(),
        product: z.string(),
        target: z.string(),
        state: z.string(),
        commit: z.string(),
        version: z.string(),
        url: z.string().nullable(),
        before: z.string().nullable(),
      }),
    ),
  }),

  async handler(_input, { db }) {
    const rows = await latestReleases(db, LONGEST);
    return {
      releases: rows.map((row) => ({
        release: releaseId(row.id),
        product: row.product,
        target: row.target,
        state: standOf(row),
        commit: row.commit_id,
        version: row.version,
        url: row.url,
        before: row.previous === null ? null : releaseId(row.previous),
      })),
    };
  },
});
