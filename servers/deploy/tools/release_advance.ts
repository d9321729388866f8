import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, jobId, releaseId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import { defineTool } from '../../core/tool.ts';
import { advanceResult } from '../advance.ts';
import { openJobOf } from '../queries.ts';
import { releaseOf } from '../scope.ts';
import { STEPS } from '../steps.ts';

/** Well under the 45 s after which hosts give up. */
const WAIT_MS = 20_000;

export default defineTool({
  name: 'release_advance',
  needs: 'release:cut',
  effect: 'write',
  outside: true,
  description:
    'Take a release on: staging, canary 10 %, 50 %, production; each step only if the last was healthy, else the server puts back what was served. Also resumes. done: false has a job for task_wait.',
  input: z.strictObject({ release: idInput('R').optional(), to: z.enum(STEPS).default('production') }),
  output: z.object({
    done: z.boolean(),
    job: z.string().optional(),
    release: z.string(),
    state: z.string().optional(),
    url: z.string().nullable().optional(),
    why: z.string().optional(),
    serves: z.string().nullable().optional(),
    fix: z.string().optional().describe('The task that was opened for what failed.'),
  }),

  async handler({ release: id, to }, call) {
    const { db, services, session, now } = call;
    await refuseIfStopped(db, session.role);
    const release = await releaseOf(call, id);
    if (release.state === 'failed' || release.state === 'rolled-back' || release.step === null) {
      throw new ToolError(
        'CONFLICT',
        release.state === 'cutting'
          ? `${releaseId(release.id)} is still being cut.`
          : `${releaseId(release.id)} is ${release.state} and does not go on.`,
        'Wait for its job with task_wait, or release another commit with release_cut.',
        { rule: 'release.not-under-way' },
      );
    }
    const job = await call.transaction(async (tx) => {
      const open = await openJobOf(tx, 'release.advance', release.id);
      const input = { release: release.id, to, role: session.role };
      return open?.id ?? services.jobs.enqueue(tx, 'release.advance', input, session.id, now);
    });
    services.jobs.kick();
    const ended = await services.jobs.wait(job, WAIT_MS, call.signal);
    if (!ended) return { done: false, job: jobId(job), release: releaseId(release.id) };
    if (ended.ok) return advanceResult.parse(ended.result);
    throw new ToolError(
      'UPSTREAM',
      `The server failed while it took ${releaseId(release.id)} on.`,
      'Call release_advance again; if it fails once more, say so in task_block.',
    );
  },
});
