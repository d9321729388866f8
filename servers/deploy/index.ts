import type { ServerModule } from '../core/tool.ts';
import { cutRelease } from './cut.ts';

export default {
  name: 'deploy',
  jobs: { 'release.cut': cutRelease },
} satisfies ServerModule;
