import * as z from 'zod';
import { taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { liveSessions } from '../agents_queries.ts';

export default defineTool({
  name: 'agent_list',
  needs: 'agent:spawn',
  effect: 'read',
  description: 'List the agents of the factory, which of them are running, and on what.',
  input: z.strictObject({}),
  output: z.object({
    agents: z.array(
      z.object({ agent: z.string(), role: z.string(), running: z.boolean(), task: z.string().nullable() }),
    ),
  }),

  async handler(_input, { db, factory, now }) {
    const live = await liveSessions(db, now);
    const agents = Object.entries(factory.roles).flatMap(([role, { agents: names }]) =>
      names.map((agent) => {
        const sessions = live.filter((session) => session.agent === agent);
        const task = sessions.find((session) => session.task !== null)?.task;
        return { agent, role, running: sessions.length > 0, task: task ? taskId(task) : null };
      }),
    );
    return { agents };
  },
});
