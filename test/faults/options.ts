import { parseArgs } from 'node:util';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { MUTANTS, type Mutant } from './mutant.ts';
import { NEMESES } from './nemeses.ts';

const WAYS = ['here', 'http'] as const;

export const HELP = `Usage: npm run test:faults -- [--seconds N] [--seed N] [--database NAME] [--over WAY] [--nemesis NAME]...
                               [--workers N] [--mutant NAME] [--out FILE]

Runs real processes against one store, does harm to them, to the store and to what lies between, and holds what
every process saw against what the store holds in the end. A run with the same seed does the same harm again.

  --seconds N      of harm, shared by all arms (600)
  --seed N         of the harm and of what the processes do (today's date)
  --database NAME  only this one: sqlite, postgres
  --over WAY       only workers that open the store themselves (here), or clients of two servers (http)
  --nemesis NAME   only this one; may be repeated. sqlite: ${Object.keys(NEMESES.sqlite).join(' ')};
                   postgres: ${Object.keys(NEMESES.postgres).join(' ')}
  --workers N      processes that make calls (8)
  --mutant NAME    run a build with one promise broken: ${Object.keys(MUTANTS).join(', ')}. Each arm must find violations
  --out FILE       also write the figures there, as JSON
  --points         instead: one kill at each step of each operation (--points --help tells what that takes)

Exit codes: 0 no violation (with --mutant: some in each arm), 1 otherwise, 2 the command line is wrong,
130 interrupted.`;

export interface Options {
  seconds: number;
  seed: number;
  workers: number;
  databases: readonly Dialect[];
  ways: readonly (typeof WAYS)[number][];
  nemeses: readonly string[] | undefined;
  mutant: Mutant | undefined;
  out: string | undefined;
}

/** What the command line asks for, or what is wrong with it. */
export function optionsOf(args: readonly string[]): Options | string {
  const flags = {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10).replaceAll('-', '') },
    workers: { type: 'string', default: '8' },
    database: { type: 'string' },
    over: { type: 'string' },
    nemesis: { type: 'string', multiple: true },
    mutant: { type: 'string' },
    out: { type: 'string' },
  } as const;
  const given = parsed(() => parseArgs({ args: [...args], options: flags }).values);
  if (typeof given === 'string') return given;
  const numbers = {
    seconds: Number(given.seconds),
    seed: Number(given.seed),
    workers: Number(given.workers),
  };
  if (!Object.values(numbers).every((value) => Number.isSafeInteger(value) && value > 0))
    return 'Seconds, seed and workers are whole numbers above 0.';
  const databases = (['sqlite', 'postgres'] as const).filter((name) => name === (given.database ?? name));
  const over = given.mutant === undefined ? given.over : 'here';
  const ways = WAYS.filter((way) => way === (over ?? way));
  const known = databases.flatMap((name) => Object.keys(NEMESES[name]));
  const strange = given.nemesis?.find((name) => !known.includes(name));
  if (databases.length === 0 || ways.length === 0 || strange !== undefined || !isMutant(given.mutant))
    return 'There is no such database, way, nemesis or mutant.';
  const { nemesis: nemeses, mutant, out } = given;
  return { ...numbers, databases, ways, nemeses, mutant, out };
}

const isMutant = (name: string | undefined): name is Mutant | undefined =>
  name === undefined || Object.hasOwn(MUTANTS, name);

function parsed<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
