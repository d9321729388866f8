import * as z from 'zod';
import { heldTask } from '../../core/held.ts';
import { defineTool } from '../../core/tool.ts';
import { stillHeld } from '../held.ts';
import { openMainline } from '../mainline.ts';
import { setWorkspace } from '../queries.ts';
import { refusing } from '../refusals.ts';
import { openWorkspace } from '../workspace.ts';

export default defineTool({
  name: 'workspace_open',
  needs: 'change:submit',
  effect: 'write',
  outside: true,
  description: 'Get the git clone for the task you hold: yours alone, with what was submitted for it so far.',
  input: z.strictObject({}),
  output: z.object({ workspace: z.string(), branch: z.string(), base: z.string(), note: z.string() }),

  async handler(_input, call) {
    const task = await heldTask(call);
    const { paths, runsAs } = call.services;
    const bare = await openMainline(call.services);
    const whose = { task, agent: call.session.agent, user: runsAs.get(call.session.id) };
    const opened = await refusing(() => openWorkspace(bare, call.db, paths, whose));
    await call.transaction(async (tx) => {
      await stillHeld(call, tx);
      await setWorkspace(tx, task.id, opened.folder);
    });
    return {
      workspace: opened.folder,
      branch: opened.branch,
      base: opened.base,
      note: 'Commit here, then change_submit. `git pull` brings mainline in; git push is refused.',
    };
  },
});
