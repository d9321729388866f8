import type { ServerModule } from '../core/tool.ts';
import { runProbe } from './probe_job.ts';
import { runSuite } from './suite.ts';

export default {
  name: 'qa',
  instructions:
    "Quality: qa_run runs the submitted change's own suite, qa_probe attacks the running product, qa_verdict computes PASS or FAIL from that evidence.",
  jobs: { 'qa.run': runSuite, 'qa.probe': runProbe },
} satisfies ServerModule;
