import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, releaseId } from '../../core/ids.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { holdFreeProduct } from '../hold.ts';
import { notBack, putBack } from '../put_back.ts';
import { openJobOf, saveRelease, servedAfter } from '../queries.ts';
import { refuseUnserved, releaseOf } from '../scope.ts';

export default defineTool({
  name: 'release_rollback',
  needs: 'release:rollback',
  effect: 'destructive',
  outside: true,
  description:
    'Put back what a product served before a release, or take it down when that was its first; also ends one that is under way. Data and migrations stay.',
  input: z.strictObject({ release: idInput('R'), why: z.string().min(1).max(2000) }),
  output: z.object({ release: z.string(), state: z.string(), serves: z.string().nullable() }),

  async handler({ release: id }, call) {
    const release = await releaseOf(call, id);
    return holdFreeProduct(call.services, release, call.signal, async (hold) => {
      await refuseNotOurs(call, release.id);
      const target = hold.fenced(await call.services.target(release.target));
      const before = await putBack(call.db, target, release);
      const fault = await notBack(target, release, before, hold.signal);
      await call.transaction(async (tx) => {
        await hold.check(tx);
        await saveRelease(tx, release.id, { state: 'rolled-back' });
      });
      if (fault !== undefined) throw unclean(release.id, fault);
      return { release: releaseId(id), state: 'rolled-back', serves: before ? releaseId(before.id) : null };
    });
  },
});

/** Only what is served, or under way with nobody to take it on, can be put back. */
async function refuseNotOurs(call: Call, id: number): Promise<void> {
  const release = await releaseOf(call, id);
  const underWay = release.state === 'cutting' && release.step !== null;
  if (!underWay) refuseUnserved(release, await servedAfter(call.db, release));
  if (underWay && (await openJobOf(call.db, 'release.advance', id))) throw advancing(id);
}

const advancing = (id: number) =>
  new ToolError(
    'CONFLICT',
    `${releaseId(id)} is being advanced by the server, which sends it back by itself when it is not healthy.`,
    'Wait with task_wait until the step has ended, then call again.',
    { rule: 'release.busy' },
  );

const unclean = (id: number, fault: string) =>
  new ToolError(
    'UPSTREAM',
    `What was served before ${releaseId(id)} has all traffic again, but it does not hold: ${fault}.`,
    'Say so with task_block at once; a human decides.',
    { rule: 'release.not-back' },
  );
