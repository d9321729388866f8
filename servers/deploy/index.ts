import type { ServerModule } from '../core/tool.ts';
import { advanceRelease } from './advance.ts';
import { cutRelease } from './cut.ts';

export default {
  name: 'deploy',
  jobs: { 'release.cut': cutRelease, 'release.advance': advanceRelease },
} satisfies ServerModule;
