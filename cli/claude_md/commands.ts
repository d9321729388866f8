import type { Facts } from './facts.ts';

/** The commands of a repository as a person types them; undefined is one that its files do not name. */
export interface Commands {
  readonly install: string | undefined;
  /** PATH stands for a test file. */
  readonly test_one: string | undefined;
  readonly test: string | undefined;
  readonly check: string | undefined;
  readonly run: string | undefined;
}

/** Only what package.json's scripts, lockfiles, Gemfile, bin/ and the Makefile name: nothing is guessed. */
export function commandsOf(facts: Facts): Commands {
  const { stack, paths, targets } = facts;
  const script = scriptOf(facts);
  const first = (...found: (string | false | undefined)[]) => found.find((each) => typeof each === 'string');
  const target = (...names: string[]) => {
    const name = names.find((each) => targets.has(each));
    return name && `make ${name}`;
  };
  const bin = (name: string, rest = '') => paths.has(`bin/${name}`) && `bin/${name}${rest}`;
  const isRails = stack.test !== undefined && paths.has('Gemfile') && paths.has('test');
  return {
    install: first(bin('setup'), installOf(paths), target('install', 'setup')),
    test_one: first(
      oneTest(facts),
      paths.has('spec') && stack.test?.join(' ').concat(' PATH'),
      isRails && bin('rails', ' test PATH'),
    ),
    test: first(script('test'), isRails && bin('rails', ' test'), stack.test?.join(' '), target('test')),
    check: first(script('check', 'lint', 'typecheck'), bin('rubocop'), target('check', 'lint')),
    run: first(script('dev', 'start'), bin('dev'), bin('rails', ' server'), target('dev', 'run', 'start')),
  };
}

/** Lockfile, install command, and what runs a script. */
const MANAGERS = [
  ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile', 'pnpm run'],
  ['yarn.lock', 'yarn install', 'yarn run'],
  ['bun.lock', 'bun install --frozen-lockfile', 'bun run'],
  ['bun.lockb', 'bun install --frozen-lockfile', 'bun run'],
  ['package-lock.json', 'npm ci', 'npm run'],
  ['package.json', 'npm install', 'npm run'],
] as const;

const managerOf = (paths: ReadonlySet<string>) => MANAGERS.find(([file]) => paths.has(file));

function installOf(paths: ReadonlySet<string>): string | undefined {
  const commands = [managerOf(paths)?.[1], paths.has('Gemfile') ? 'bundle install' : undefined];
  return commands.filter(Boolean).join(' && ') || undefined;
}

/** The command of the first script that the package has; `npm init`'s test that only fails is none. */
function scriptOf({ paths, package: { scripts = {} } }: Facts) {
  const run = managerOf(paths)?.[2] ?? 'npm run';
  return (...names: string[]) => {
    const name = names.find((each) => scripts[each] && !/no test specified/.test(scripts[each]));
    if (name === undefined) return undefined;
    return run === 'npm run' && name === 'test' ? 'npm test' : `${run} ${name}`;
  };
}

/** How the runner that the test script starts is given one file. */
const RUNNERS = [
  [/\bvitest\b/, 'npx vitest run PATH'],
  [/\bjest\b/, 'npx jest PATH'],
  [/\bmocha\b/, 'npx mocha PATH'],
  [/\bava\b/, 'npx ava PATH'],
  [/\bplaywright test\b/, 'npx playwright test PATH'],
  [/\bbun test\b/, 'bun test PATH'],
  [/\bnode\b.* --test\b/, 'node --test PATH'],
] as const;

const oneTest = ({ package: { scripts } }: Facts) =>
  RUNNERS.find(([runner]) => runner.test(scripts?.test ?? ''))?.[1];
