import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { type CleanRunResult, runOnCommit } from '../../core/clean_run.ts';
import { endOf, type Outcome, printed } from '../../core/outcome.ts';
import type { Layer, Sandbox } from '../../core/sandbox/sandbox.ts';
import type { ConsistencyReport } from './consistency_graph.ts';
import type { Gate, GateRun } from './gate.ts';

const INSIDE = '/millwright';
const SHOWN = 100;

const reportSchema = z.object({
  files: z.int(),
  broken: z.array(z.string()),
  orphans: z.array(z.string()),
}) satisfies z.ZodType<ConsistencyReport>;

/**
 * `consistency`: every relative import finds its file, no source file is left that nothing leads to, and the
 * factory's own command, if it names one, exits with 0.
 */
export const consistency: Gate = async (run) => {
  const { command } = run.factory.gates.consistency;
  const examined = await examine(run);
  if (!command || !examined.outcome.passed) {
    if (examined.files > 0 || !examined.outcome.passed) return examined.outcome;
    const why = 'there is no JavaScript or TypeScript to look at: set gates.consistency.command';
    return { ...examined.outcome, passed: false, why };
  }
  const [program = '', ...args] = command;
  const result = await runOnCommit(run.services, { ...limitsOf(run), command: [program, ...args] });
  const outcome = outcomeOf(result, printed(result));
  if (result.exit !== 0 || result.killedBy !== null)
    return { ...outcome, passed: false, why: `the factory's command failed (${endOf(result)})` };
  return { ...outcome, passed: true, why: `${examined.outcome.why}, and the factory's command passed` };
};

/** Looks at imports and files with esbuild, inside the sandbox: a parser that meets hostile source is contained. */
async function examine(run: GateRun): Promise<{ outcome: Outcome; files: number }> {
  const tool = toolFor(await run.services.sandbox());
  const result = await runOnCommit(run.services, {
    ...limitsOf(run),
    command: ['node', tool.script],
    layers: tool.layers,
  });
  const report = result.exit === 0 && result.killedBy === null ? readReport(result.stdout) : undefined;
  if (!report) {
    const why = `the sources could not be examined (${endOf(result)})`;
    return { outcome: { ...outcomeOf(result, printed(result)), passed: false, why }, files: 0 };
  }
  const { files, broken, orphans } = report;
  const faults = [...broken, ...orphans.map((path) => `${path}: nothing leads to this file`)];
  const outcome = outcomeOf(result, faults.slice(0, SHOWN).join('\n'));
  if (faults.length > 0)
    return {
      outcome: {
        ...outcome,
        passed: false,
        why: `${broken.length} broken imports, ${orphans.length} orphaned files`,
      },
      files,
    };
  return { outcome: { ...outcome, passed: true, why: `${files} source files fit together` }, files };
}

const limitsOf = (run: GateRun) => ({
  commit: run.commit,
  limits: { wallMs: run.factory.gates.consistency.seconds * 1000 },
  signal: run.signal,
});

const outcomeOf = ({ exit, isolation, engine, dependencies }: CleanRunResult, log: string): Outcome => ({
  passed: false,
  why: '',
  log,
  exit,
  isolation,
  engine,
  dependencies,
});

function readReport(stdout: string): ConsistencyReport | undefined {
  try {
    return reportSchema.parse(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

/**
 * Where a run finds the script and our esbuild: in layers of their own, beside which the project's packages are not
 * looked up; or, where nothing can be mounted, in place.
 */
function toolFor({ enforced }: Sandbox): { script: string; layers: Layer[] } {
  const own = import.meta.url.endsWith('.ts') ? './consistency_main.ts' : './gate-consistency.js';
  const script = fileURLToPath(new URL(own, import.meta.url));
  if (enforced.files !== 'allow-list') return { script, layers: [] };
  return {
    script: join(INSIDE, 'gate', basename(script)),
    layers: [
      { from: dirname(script), at: join(INSIDE, 'gate') },
      { from: esbuildModules(), at: join(INSIDE, 'node_modules') },
    ],
  };
}

/** The node_modules folder that holds the esbuild of this package. */
function esbuildModules(): string {
  const entry = fileURLToPath(import.meta.resolve('esbuild'));
  const end = entry.lastIndexOf(`${sep}node_modules${sep}esbuild${sep}`);
  if (end === -1) throw new Error(`esbuild is not installed in a node_modules folder: ${entry}`);
  return join(entry.slice(0, end), 'node_modules');
}
