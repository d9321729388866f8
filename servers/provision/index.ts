import type { ServerModule } from '../core/tool.ts';

export default {
  name: 'provision',
  instructions:
    'Infrastructure: propose a plan with infra_propose; another agent approves exactly that plan with infra_review; infra_apply has it done.',
} satisfies ServerModule;
