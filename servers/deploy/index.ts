import type { ServerModule } from '../core/tool.ts';
import { cutRelease } from './cut.ts';

export default {
  name: 'deploy',
  instructions:
    'Releases: release_cut puts a merged commit that passed everything live, release_verify tries every endpoint and rolls back what does not hold.',
  jobs: { 'release.cut': cutRelease },
} satisfies ServerModule;
