import type { ServerModule } from '../core/tool.ts';
import { runGates } from './run.ts';

export default {
  name: 'gates',
  instructions:
    'Documents, machine gates, reviews and the human: leave documents with artifact_put, have your change judged with gate_run.',
  jobs: { 'gate.run': runGates },
} satisfies ServerModule;
