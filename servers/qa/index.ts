import type { ServerModule } from '../core/tool.ts';
import { runProbe } from './probe_job.ts';
import { runSuite } from './suite.ts';

export default {
  name: 'qa',
  jobs: { 'qa.run': runSuite, 'qa.probe': runProbe },
} satisfies ServerModule;
