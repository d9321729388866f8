import type { ServerModule } from '../core/tool.ts';

export default {
  name: 'tasks',
  instructions: 'Tasks, pipelines and agents: take work with task_checkout, hand it in with task_complete.',
} satisfies ServerModule;
