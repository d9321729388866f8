import type { ServerModule } from '../core/tool.ts';
import { runGates } from './run.ts';

export default {
  name: 'gates',
  jobs: { 'gate.run': runGates },
} satisfies ServerModule;
