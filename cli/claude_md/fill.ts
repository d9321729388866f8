import { type Commands, commandsOf } from './commands.ts';
import type { Facts } from './facts.ts';

/** More lines in one slot would push a template over what is read each time. */
const MOST_LINES = 3;
const LONGEST_PURPOSE = 160;

/** A filled template, and the slots that only a person can fill. */
export interface Filled {
  readonly text: string;
  readonly open: readonly string[];
}

/**
 * Fills a template's `{{slots}}` with what the repository says of itself. A line whose command nobody names is left
 * out, and so is a heading with nothing under it; a missing purpose leaves a line that asks a person for it.
 */
export function fillTemplate(template: string, name: string, facts: Facts): Filled {
  const commands = commandsOf(facts);
  const purpose = (facts.package.description ?? facts.readme ?? '').trim().slice(0, LONGEST_PURPOSE);
  const lists: Record<string, readonly string[]> = {
    traps: trapsOf(facts),
    untouchable: untouchableOf(facts),
    pointers: pointersOf(facts),
  };
  const lines = template.split('\n').flatMap((line) => {
    const slot = /\{\{(\w+)\}\}/.exec(line)?.[1];
    if (slot === undefined) return [line];
    if (slot === 'name') return [line.replace('{{name}}', name)];
    if (slot === 'purpose')
      return [purpose || '(Yours to write, in one line: what this is, for whom, what depends on it.)'];
    const list = lists[slot];
    if (list) return list.slice(0, MOST_LINES).map((item) => `- ${item}`);
    const command = commands[slot as keyof Commands];
    return command === undefined ? [] : [line.replace(`{{${slot}}}`, command)];
  });
  const open = Object.entries(commands).flatMap(([slot, command]) => (command === undefined ? [slot] : []));
  return { text: withoutEmptyParts(lines.join('\n')), open: purpose ? open : ['purpose', ...open] };
}

/** What the files of the root show of it that its code does not. */
function trapsOf({ paths, package: { engines, workspaces } }: Facts): string[] {
  const compose = ['compose.yaml', 'compose.yml', 'docker-compose.yml'].find((file) => paths.has(file));
  return [
    ...(engines?.node ? [`Node ${engines.node.slice(0, 40)}; another one fails late and strangely.`] : []),
    ...(paths.has('.env.example')
      ? ['`.env.example` names the settings. Values stay out of commits, logs and reports.']
      : []),
    ...(workspaces
      ? ['Several packages in one repository: a script of the root is not that of a package.']
      : []),
    ...(compose ? [`Tests may need the services of \`${compose}\`.`] : []),
  ];
}

const LOCKS = ['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'Gemfile.lock'];
const MADE: readonly (readonly [path: string, by: string])[] = [
  ['db/schema.rb', 'a migration'],
  ['worker-configuration.d.ts', '`wrangler types`'],
  ['dist', 'the build'],
  ['build', 'the build'],
  ['vendor', 'its package manager'],
];

function untouchableOf({ paths }: Facts): string[] {
  const lock = LOCKS.find((file) => paths.has(file));
  return [
    ...(paths.has('db/migrate') ? ['Migrations in `db/migrate` that were merged: write a new one.'] : []),
    ...MADE.filter(([path]) => paths.has(path)).map(
      ([path, by]) => `\`${path}\` is made by ${by}: change what it is made from.`,
    ),
    ...(lock ? [`\`${lock}\` changes by the package manager only.`] : []),
  ];
}

const READ_BEFORE: readonly (readonly [path: string, before: string])[] = [
  ['ARCHITECTURE.md', 'before you move or add a part'],
  ['docs/architecture.md', 'before you move or add a part'],
  ['CONTRIBUTING.md', 'before your first commit'],
  ['SECURITY.md', 'before you touch access, secrets or input'],
  ['README.md', 'before you change what a user sees'],
];

const pointersOf = ({ paths }: Facts): string[] =>
  READ_BEFORE.filter(([path]) => paths.has(path)).map(([path, before]) => `\`${path}\`: ${before}`);

/** Takes out headings under which no line is left, and more than one empty line in a row. */
function withoutEmptyParts(text: string): string {
  const parts = text
    .split(/^(?=## )/m)
    .filter((part) => !/^## .*\s*$/.test(part.trim()) || part.trim().includes('\n'));
  return `${parts
    .join('')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}
