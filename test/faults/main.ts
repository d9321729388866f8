import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EXIT } from '../../cli/failures.ts';
import { type Arm, runArm } from './arm.ts';
import { figuresOf, type Result } from './figures.ts';
import { NEMESES } from './nemeses.ts';
import { HELP, type Options, optionsOf } from './options.ts';
import { killAtPoints } from './points_main.ts';
import { report } from './report.ts';

/** No arm runs longer: its histories and its record are read whole. */
const LONGEST_ARM_SECONDS = 75;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--points')) return killAtPoints(args.filter((arg) => arg !== '--points'));
  if (args.includes('--help')) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.ok;
  }
  const options = optionsOf(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${HELP}\n`);
    return EXIT.usage;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  const results: Result[] = [];
  try {
    for (const arm of armsOf(options, interrupted.signal)) {
      process.stdout.write(`\n${arm.dialect}, ${arm.http ? 'http' : 'here'}, seed ${arm.seed}\n`);
      const outcome = await runArm(arm);
      process.stdout.write(report(outcome));
      results.push({ ...outcome, arm });
    }
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    process.stderr.write('Interrupted; nothing is left behind.\n');
    return EXIT.interrupted;
  }
  const figures = figuresOf(options, results);
  process.stdout.write(`\n${figures.violations} violations in all\n`);
  if (options.out) {
    await mkdir(dirname(resolve(options.out)), { recursive: true });
    await writeFile(options.out, `${JSON.stringify(figures, null, 2)}\n`);
  }
  return figures.ok ? EXIT.ok : EXIT.failed;
}

/** Every database both ways, in turns of at most {@link LONGEST_ARM_SECONDS}, until the seconds are used up. */
function armsOf(options: Options, signal: AbortSignal): Arm[] {
  const kinds = options.databases.flatMap((dialect) => options.ways.map((way) => ({ dialect, way })));
  const each = options.seconds / kinds.length;
  const turns = Math.ceil(each / LONGEST_ARM_SECONDS);
  return Array.from({ length: turns }, (_, turn) =>
    kinds.map(({ dialect, way }, index): Arm => {
      const own = Object.keys(NEMESES[dialect]);
      return {
        dialect,
        http: way === 'http',
        seed: options.seed + turn * kinds.length + index,
        seconds: each / turns,
        workers: options.workers,
        nemeses: own.filter((name) => options.nemeses?.includes(name) ?? true),
        mutant: options.mutant,
        signal,
        progress: (line) => process.stdout.write(`  ${line}\n`),
      };
    }),
  ).flat();
}

process.exitCode = await main(process.argv.slice(2));
