import type { ServerModule } from '../core/tool.ts';

export default {
  name: 'provision',
} satisfies ServerModule;
