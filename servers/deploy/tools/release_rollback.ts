import * as z from 'zod';
import { idInput, releaseId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { putBack } from '../put_back.ts';
import { saveRelease, servedAfter } from '../queries.ts';
import { refuseUnserved, releaseOf } from '../scope.ts';

export default defineTool({
  name: 'release_rollback',
  needs: 'release:rollback',
  effect: 'destructive',
  outside: true,
  description:
    'Put back what a product served before a release, or take it down when that was its first. Data and migrations stay.',
  input: z.strictObject({ release: idInput('R'), why: z.string().min(1).max(2000) }),
  output: z.object({ release: z.string(), state: z.string(), serves: z.string().nullable() }),

  async handler({ release: id }, call) {
    const release = await releaseOf(call, id);
    refuseUnserved(release, await servedAfter(call.db, release));
    const target = await call.services.target(release.target);
    const before = await putBack(call.db, target, release);
    await call.transaction((tx) => saveRelease(tx, release.id, { state: 'rolled-back' }));
    return { release: releaseId(id), state: 'rolled-back', serves: before ? releaseId(before.id) : null };
  },
});
