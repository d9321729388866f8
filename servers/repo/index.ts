import type { ServerModule } from '../core/tool.ts';

export default {
  name: 'repo',
} satisfies ServerModule;
