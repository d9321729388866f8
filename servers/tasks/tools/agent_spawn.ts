import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { findTask } from '../../core/held.ts';
import { idInput } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import { defineTool } from '../../core/tool.ts';
import { insertSpawn, liveSessions } from '../agents_queries.ts';
import { runPrompt } from '../run_prompt.ts';
import { isRunnerUp, openRuns } from '../runs_queries.ts';

const NO_RUNNER =
  'No runner is up, so nothing was queued. Start a sub-agent of that role in your own host with this brief, or ask the human to run `millwright up`.';

export default defineTool({
  name: 'agent_spawn',
  needs: 'agent:spawn',
  effect: 'write',
  description:
    'Have an agent run in a role that you may spawn: queued for the runner; wait with task_wait. With no runner up you get the brief for a sub-agent of your own host.',
  input: z.strictObject({
    role: z.string().max(40),
    task: idInput('T').optional().describe('The task it should take first.'),
    message: z.string().max(2000).default('').describe('What it should know besides its brief.'),
  }),
  output: z.object({
    agent: z.string(),
    queued: z.boolean(),
    run: z.number().nullable(),
    brief: z.string().nullable(),
  }),

  async handler({ role, task, message }, { tx, factory, session, now, about }) {
    const spawns = factory.roles[session.role]?.spawns ?? [];
    if (!spawns.includes(role)) {
      const may = spawns.length > 0 ? `You may spawn ${spawns.join(', ')}.` : 'Your role spawns nobody.';
      throw new ToolError('FORBIDDEN', `The role ${session.role} may not spawn that role.`, may, {
        rule: 'spawn.role',
      });
    }
    await refuseIfStopped(tx, role);
    if (task !== undefined && (await findTask(tx, task))?.role !== role) {
      throw new ToolError(
        'CONFLICT',
        `That task is not for ${role}.`,
        'Call task_list for tasks of that role.',
        { rule: 'task.role' },
      );
    }
    const busy = new Set(
      [...(await liveSessions(tx, now)), ...(await openRuns(tx))].map(({ agent }) => agent),
    );
    const agents = factory.roles[role]?.agents ?? [];
    const agent = agents.find((name) => !busy.has(name));
    if (!agent) {
      throw new ToolError(
        'LIMIT',
        `Every ${role} is running or queued: ${agents.join(', ')}.`,
        'Wait for one with task_wait.',
        { rule: 'limit.agents' },
      );
    }
    about(`agent:${agent}`);
    if (!(await isRunnerUp(tx, now))) {
      const brief = runPrompt({ agent, role, task: task ?? null, message });
      return { agent, queued: false, run: null, brief: `${NO_RUNNER}\n\n${brief}` };
    }
    const { id } = await insertSpawn(tx, {
      role,
      agent,
      task: task ?? null,
      message,
      root: session.root,
      requestedBy: session.agent,
      now,
    });
    return { agent, queued: true, run: id, brief: null };
  },
});
