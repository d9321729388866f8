import { parseArgs } from 'node:util';
import { EXIT } from '../../cli/failures.ts';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { type Arm, runArm } from './arm.ts';
import { NEMESES } from './nemeses.ts';
import { report } from './report.ts';

const HELP = `Usage: npm run test:faults -- [--seconds N] [--seed N] [--database NAME] [--over WAY] [--nemesis NAME]... [--workers N]

Runs real processes against one store, does harm to them, to the store and to what lies between, and holds what
every process saw against what the store holds in the end. A run with the same seed does the same harm again.

  --seconds N      of harm, shared by all arms (600)
  --seed N         of the harm and of what the processes do (today's date)
  --database NAME  only this one: sqlite, postgres
  --over WAY       only workers that open the store themselves (here), or clients of two servers (http)
  --nemesis NAME   only this one; may be repeated. sqlite: ${Object.keys(NEMESES.sqlite).join(' ')};
                   postgres: ${Object.keys(NEMESES.postgres).join(' ')}
  --workers N      processes that make calls (8)
  --mutant         takes the check of the fence out of the workers: the run must find violations

Exit codes: 0 no violation, 1 there was one, 2 the command line is wrong, 130 interrupted.`;

/** No arm runs longer: its histories and its record are read whole. */
const LONGEST_ARM_SECONDS = 75;

interface Options {
  seconds: number;
  seed: number;
  workers: number;
  databases: readonly Dialect[];
  ways: readonly string[];
  nemeses: readonly string[] | undefined;
  mutant: boolean;
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.ok;
  }
  const options = optionsOf();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${HELP}\n`);
    return EXIT.usage;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  let violations = 0;
  try {
    for (const arm of armsOf(options, interrupted.signal)) {
      process.stdout.write(`\n${arm.dialect}, ${arm.http ? 'http' : 'here'}, seed ${arm.seed}\n`);
      const outcome = await runArm(arm);
      process.stdout.write(report(outcome));
      violations += outcome.violations.length;
    }
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    process.stderr.write('Interrupted; nothing is left behind.\n');
    return EXIT.interrupted;
  }
  process.stdout.write(`\n${violations} violations in all\n`);
  return violations === 0 ? EXIT.ok : EXIT.failed;
}

/** What was asked for, or what is wrong with it. */
function optionsOf(): Options | string {
  const flags = {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10).replaceAll('-', '') },
    workers: { type: 'string', default: '8' },
    database: { type: 'string' },
    over: { type: 'string' },
    nemesis: { type: 'string', multiple: true },
    mutant: { type: 'boolean', default: false },
  } as const;
  const given = parsed(() => parseArgs({ options: flags }).values);
  if (typeof given === 'string') return given;
  const numbers = {
    seconds: Number(given.seconds),
    seed: Number(given.seed),
    workers: Number(given.workers),
  };
  if (!Object.values(numbers).every((value) => Number.isSafeInteger(value) && value > 0))
    return 'Seconds, seed and workers are whole numbers above 0.';
  const databases = (['sqlite', 'postgres'] as const).filter((name) => name === (given.database ?? name));
  const ways = ['here', 'http'].filter((way) => way === (given.over ?? way));
  const known = databases.flatMap((name) => Object.keys(NEMESES[name]));
  const strange = given.nemesis?.find((name) => !known.includes(name));
  if (databases.length === 0 || ways.length === 0 || strange !== undefined)
    return 'There is no such database, way or nemesis.';
  return { ...numbers, databases, ways, nemeses: given.nemesis, mutant: given.mutant };
}

function parsed<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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

process.exitCode = await main();
