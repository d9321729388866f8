import type { ServerModule } from '../core/tool.ts';

export default {
  name: 'tasks',
} satisfies ServerModule;
