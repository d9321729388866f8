import type { ServerModule } from '../core/tool.ts';
import { runPage } from './page_job.ts';
import { runProbe } from './probe_job.ts';
import { runSuite } from './suite.ts';

export default {
  name: 'qa',
  jobs: { 'qa.run': runSuite, 'qa.probe': runProbe, 'qa.page': runPage },
} satisfies ServerModule;
