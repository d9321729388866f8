// Writes the README's section "What we promise, and how it is tested" from docs/promises.yaml and the figures that
// the long runs left in docs/figures/. With --check it changes nothing and fails when the section would change or a
// named test is missing. A run that left no figures is shown as not made.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path) => readFileSync(join(root, path), 'utf8');
const BEGIN = '<!-- promises: written by scripts/promises.mjs -->';
const END = '<!-- /promises -->';

const rows = parse(read('docs/promises.yaml')).map(row);
const table = ['| promise | test | last figures |', '| --- | --- | --- |', ...rows].join('\n');
const before = read('README.md');
const [start, end] = [before.indexOf(BEGIN), before.indexOf(END)];
if (start < 0 || end < start) fail(`README.md lacks the lines ${BEGIN} and ${END}.`);
const after = `${before.slice(0, start)}${BEGIN}\n\n${table}\n\n${before.slice(end)}`;

if (!process.argv.includes('--check')) writeFileSync(join(root, 'README.md'), after);
else if (after !== before) fail('README.md is older than its promises; run `npm run promises`.');

function row({ promise, test, run, figures }) {
  if (!existsSync(join(root, test))) fail(`docs/promises.yaml names ${test}, which does not exist.`);
  const how = run ? `[${test}](${test}), \`${run}\`` : `[${test}](${test})`;
  return `| ${promise} | ${how} | ${figures ? filled(figures) : 'passes or fails'} |`;
}

/** `{run.path.to.value}` is that value in docs/figures/run.json. */
function filled(text) {
  const runs = [...text.matchAll(/\{([a-z_]+)\./g)].map(([, name]) => name);
  if (!runs.every((name) => existsSync(join(root, `docs/figures/${name}.json`)))) return 'not run yet';
  return text.replaceAll(/\{([a-z_]+)\.([\w.-]+)\}/g, (_, name, path) => {
    const file = `docs/figures/${name}.json`;
    const value = path.split('.').reduce((at, key) => at?.[key], JSON.parse(read(file)));
    if (value === undefined) fail(`${file} has no ${path}.`);
    return typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 2 }) : value;
  });
}

function fail(what) {
  process.stderr.write(`promises: ${what}\n`);
  process.exit(1);
}
