import type { ServerModule } from '../core/tool.ts';

export default {
  name: 'repo',
  instructions:
    'The code: work in the clone that workspace_open gives, hand commits in with change_submit. Only the server moves mainline.',
} satisfies ServerModule;
