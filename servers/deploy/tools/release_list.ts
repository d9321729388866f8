import * as z from 'zod';
import { releaseId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { latestReleases } from '../queries.ts';

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
      releases: rows.map(({ id, product, target, state, commit_id, version, url, previous }) => ({
        release: releaseId(id),
        product,
        target,
        state,
        commit: commit_id,
        version,
        url,
        before: previous === null ? null : releaseId(previous),
      })),
    };
  },
});
