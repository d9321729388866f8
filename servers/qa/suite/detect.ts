import { parse } from 'jsonc-parser';
import * as z from 'zod';

/** How the tests of a product are run, and how they are made to say what they did. */
export interface SuitePlan {
  /** What runs the tests, as far as it can be told: `node`, `vitest`, `jest` …; `unknown` for any other program, `nothing` where only words are printed. */
  runner: Runner;
  command: readonly [string, ...string[]];
  /** Where the runner was asked to leave its report: `{report}` in words and values is that path. */
  report: 'junit' | 'json' | 'go' | 'none';
  env: Readonly<Record<string, string>>;
}

const RUNNERS = [
  'node',
  'vitest',
  'jest',
  'playwright',
  'mocha',
  'ava',
  'bun',
  'pytest',
  'go',
  'cargo',
  'rspec',
  'rails',
  'make',
  'unknown',
  'nothing',
] as const;
export type Runner = (typeof RUNNERS)[number];

/** Reads a file of the product by its path in it; undefined when it is not there. */
export type ReadSource = (path: string) => Promise<string | undefined>;

const manifest = z.looseObject({ scripts: z.record(z.string(), z.string()).optional().catch(undefined) });

/** What each runner is called by, in a script or as a command. The first that fits counts. */
const CALLED: readonly (readonly [Runner, RegExp])[] = [
  ['playwright', /\bplaywright\s+test\b/],
  ['vitest', /\bvitest\b/],
  ['jest', /\b(?:jest|react-scripts\s+test)\b/],
  ['node', /\bnode\b[^&|;]*\s--test\b/],
  ['bun', /\bbun\s+test\b/],
  ['mocha', /\bmocha\b/],
  ['ava', /\bava\b/],
  ['pytest', /\b(?:pytest|py\.test)\b/],
  ['go', /\bgo\s+test\b/],
  ['cargo', /\bcargo\s+(?:test|nextest)\b/],
  ['rspec', /\brspec\b/],
  ['rails', /\brails\s+test\b/],
];

/** npm's placeholder, which tests nothing. */
const PLACEHOLDER = /echo\s+\\?["']?Error: no test specified/i;
const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'bun'];
const LOCKFILES: readonly (readonly [string, string])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
];

/**
 * Finds how a product is tested: by the command that is configured, or else by its manifests, the most telling
 * first. Undefined when nothing tells, which is "no test".
 */
export async function detectSuite(
  read: ReadSource,
  configured?: readonly string[],
): Promise<SuitePlan | undefined> {
  const scripts = scriptsOf(await read('package.json'));
  const [program, ...args] = configured ?? [];
  if (program !== undefined) return planFor([program, ...args], scripts);
  const command = (await commandOf(read, scripts)) ?? undefined;
  return command && planFor(command, scripts);
}

type Command = [string, ...string[]];

async function commandOf(read: ReadSource, scripts: Record<string, string>): Promise<Command | undefined> {
  const has = async (path: string) => (await read(path)) !== undefined;
  const script = scripts['test'];
  if (script !== undefined && !PLACEHOLDER.test(script)) return [await managerOf(has), 'test'];
  for (const name of ['test:unit', 'unit', 'tests'])
    if (scripts[name]) return [await managerOf(has), 'run', name];
  for (const config of ['vitest.config.ts', 'vitest.config.js', 'vitest.config.mts'])
    if (await has(config)) return ['npx', '--no-install', 'vitest', 'run'];
  for (const config of ['jest.config.js', 'jest.config.ts', 'jest.config.cjs'])
    if (await has(config)) return ['npx', '--no-install', 'jest'];
  for (const config of ['playwright.config.ts', 'playwright.config.js'])
    if (await has(config)) return ['npx', '--no-install', 'playwright', 'test'];
  for (const file of ['pytest.ini', 'conftest.py', 'pyproject.toml', 'setup.cfg', 'tox.ini', 'setup.py'])
    if (await has(file)) return ['python3', '-m', 'pytest'];
  if (await has('go.mod')) return ['go', 'test', './...'];
  if (await has('Cargo.toml')) return ['cargo', 'test'];
  if (await has('.rspec')) return ['bundle', 'exec', 'rspec'];
  if (await has('bin/rails')) return ['bin/rails', 'test'];
  if (await has('deno.json')) return ['deno', 'test'];
  const makefile = (await read('Makefile')) ?? (await read('makefile'));
  if (makefile !== undefined && /^(?:test|check)\s*:/m.test(makefile))
    return ['make', /^test\s*:/m.test(makefile) ? 'test' : 'check'];
  return undefined;
}

async function managerOf(has: (path: string) => Promise<boolean>): Promise<string> {
  for (const [lockfile, manager] of LOCKFILES) if (await has(lockfile)) return manager;
  return 'npm';
}

function scriptsOf(text: string | undefined): Record<string, string> {
  const read = manifest.safeParse(text === undefined ? {} : parse(text));
  return read.success ? (read.data.scripts ?? {}) : {};
}

/** The shell text that a command comes down to, scripts that call scripts followed. */
function textOf(command: readonly string[], scripts: Record<string, string>, depth = 0): string {
  const [program = '', first = '', second = ''] = command;
  const isNodeRun = program === 'node' && first === '--run';
  if (!(isNodeRun || PACKAGE_MANAGERS.includes(program)) || depth > 4) return command.join(' ');
  if (program === 'bun' && first === 'test') return command.join(' ');
  const name =
    isNodeRun || first === 'run' || first === 'run-script' ? second : first === 't' ? 'test' : first;
  const script = scripts[name];
  if (script === undefined) return command.join(' ');
  return script.replace(/\b(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?([\w:.-]+)/g, (whole, called: string) =>
    called !== name && scripts[called] !== undefined
      ? textOf([program, 'run', called], scripts, depth + 1)
      : whole,
  );
}

/** Commands that test nothing, whatever they print. */
const WORDS = /^\s*(?:echo|printf|true|:|exit(?:\s+0)?)(?:\s+(?:"[^"]*"|'[^']*'|[^\s"'`$&|;()<>]+))*\s*$/;
const isWords = (text: string) => text.split(/&&|\|\||;/).every((part) => WORDS.test(part));

/** Arguments can be added only where what is called last is the runner itself. */
const LAST_CALL = /(?:&&|\|\||;|\|)\s*([^&|;]*)$/;

function planFor(command: Command, scripts: Record<string, string>): SuitePlan {
  const text = textOf(command, scripts);
  const runner = isWords(text)
    ? 'nothing'
    : (CALLED.find(([, pattern]) => pattern.test(text))?.[0] ?? (command[0] === 'make' ? 'make' : 'unknown'));
  const last = LAST_CALL.exec(text)?.[1] ?? text;
  const isLast = CALLED.some(([name, pattern]) => name === runner && pattern.test(last));
  const isScript = text !== command.join(' ');
  const more = (...words: string[]): Command =>
    isLast ? [...command, ...(isScript && command[0] !== 'yarn' ? ['--'] : []), ...words] : command;
  const plan = { runner, command, report: 'none', env: {} } as const;
  switch (runner) {
    case 'node':
      return { ...plan, report: 'junit', env: { NODE_OPTIONS: NODE_REPORTERS } };
    case 'vitest':
      return asked(
        { ...plan, command: more('--reporter=default', '--reporter=junit', '--outputFile.junit={report}') },
        isLast,
        'junit',
      );
    case 'jest':
      return asked({ ...plan, command: more('--json', '--outputFile={report}') }, isLast, 'json');
    case 'playwright':
      return asked(
        {
          ...plan,
          command: more('--reporter=line,junit'),
          env: { PLAYWRIGHT_JUNIT_OUTPUT_NAME: '{report}' },
        },
        isLast,
        'junit',
      );
    case 'bun':
      return asked(
        { ...plan, command: more('--reporter=junit', '--reporter-outfile={report}') },
        isLast,
        'junit',
      );
    case 'pytest':
      return { ...plan, report: 'junit', env: { PYTEST_ADDOPTS: '--junitxml={report} -p no:cacheprovider' } };
    case 'rspec':
      return asked(
        { ...plan, command: more('--format', 'progress', '--format', 'json', '--out', '{report}') },
        isLast,
        'json',
      );
    case 'go':
      return command[0] === 'go'
        ? { ...plan, command: ['go', 'test', '-json', ...command.slice(2)], report: 'go' }
        : plan;
    default:
      return plan;
  }
}

const NODE_REPORTERS =
  '--test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination={report}';

const asked = (plan: SuitePlan, isAsked: boolean, report: SuitePlan['report']): SuitePlan =>
  isAsked ? { ...plan, report } : { ...plan, env: {} };
