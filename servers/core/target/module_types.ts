import type { ModuleType, WorkerConfig } from './target.ts';

/** wrangler's default rules, by the ends of the names. */
const BY_DEFAULT: Record<string, ModuleType> = {
  txt: 'Text',
  html: 'Text',
  sql: 'Text',
  bin: 'Data',
  wasm: 'CompiledWasm',
};

/** The type of a module of a bundle: code, what the Worker config's rules say of its end, or what wrangler's do. */
export function moduleTypeOf(
  path: string,
  { modules }: Pick<WorkerConfig, 'modules'>,
): ModuleType | 'ESModule' {
  if (/\.m?js$/.test(path)) return 'ESModule';
  const end = path.split('.').at(-1) ?? '';
  return modules?.[end] ?? BY_DEFAULT[end] ?? 'Data';
}
