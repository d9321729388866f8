import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Layer, Sandbox } from '../core/sandbox/sandbox.ts';

const INSIDE = '/millwright';

/** Our programs that run beside a product: each reads one JSON object on stdin and prints one JSON report. */
const PROGRAMS = {
  'qa-start': './product/main.ts',
  'qa-probe': './probe/main.ts',
  'qa-pages': './page/main.ts',
  'qa-sources': './sources/main.ts',
  'qa-suite': './suite/inside.ts',
  'qa-tripwire': './suite/tripwire.ts',
} as const;
export type ProgramName = keyof typeof PROGRAMS;

/** The script of a program on this machine, from the sources or from the build. */
export function scriptOf(program: ProgramName): string {
  const own = import.meta.url.endsWith('.ts') ? PROGRAMS[program] : `./${program}.js`;
  return fileURLToPath(new URL(own, import.meta.url));
}

/**
 * Where a run finds one of our programs and our packages: in layers of their own, beside which the project's
 * packages are not looked up; or, where nothing can be mounted, in place.
 */
export function programFor({ enforced }: Sandbox, program: ProgramName): { script: string; layers: Layer[] } {
  const script = scriptOf(program);
  if (enforced.files !== 'allow-list') return { script, layers: [] };
  const isBuilt = script.endsWith('.js');
  const from = isBuilt ? dirname(script) : dirname(dirname(script));
  const path = isBuilt ? basename(script) : join(basename(dirname(script)), basename(script));
  return {
    script: join(INSIDE, 'qa', path),
    layers: [
      { from, at: join(INSIDE, 'qa') },
      // From the sources our programs share modules with the core; a built one is whole.
      ...(isBuilt ? [] : [{ from: join(dirname(from), 'core'), at: join(INSIDE, 'core') }]),
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
