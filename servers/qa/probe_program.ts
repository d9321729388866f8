import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Layer, Sandbox } from '../core/sandbox/sandbox.ts';

const INSIDE = '/millwright';

/**
 * Where a run finds the probe and our workerd: in layers of their own, beside which the project's packages are not
 * looked up; or, where nothing can be mounted, in place.
 */
export function probeProgram({ enforced }: Sandbox): { script: string; layers: Layer[] } {
  const own = import.meta.url.endsWith('.ts') ? './probe/main.ts' : './qa-probe.js';
  const script = fileURLToPath(new URL(own, import.meta.url));
  if (enforced.files !== 'allow-list') return { script, layers: [] };
  return {
    script: join(INSIDE, 'probe', basename(script)),
    layers: [
      { from: dirname(script), at: join(INSIDE, 'probe') },
      { from: runtimeModules(), at: join(INSIDE, 'node_modules') },
    ],
  };
}

/** The node_modules folder that holds the Miniflare of this package. */
function runtimeModules(): string {
  const entry = fileURLToPath(import.meta.resolve('miniflare'));
  const end = entry.lastIndexOf(`${sep}node_modules${sep}miniflare${sep}`);
  if (end === -1) throw new Error(`miniflare is not installed in a node_modules folder: ${entry}`);
  return join(entry.slice(0, end), 'node_modules');
}
