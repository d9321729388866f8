// Everything that must hold before a commit, one after the other; the first that fails ends it.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);

run('format and lint', 'biome', ['check', '--error-on-warnings', '.']);
run('types', 'tsc', ['-p', '.']);
boundaries();
script('words', 'audit_words.mjs');
script('promises', 'promises.mjs', '--check');
run('unused code', 'knip', []);

function run(what, tool, args) {
  const { status } = spawnSync(bin(tool), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) fail(what);
  process.stdout.write(`${what}: ok\n`);
}

/** A checker that looked at no module passes on nothing, so the count is checked too. */
function boundaries() {
  const args = [
    '--config',
    '.dependency-cruiser.mjs',
    '--output-type',
    'json',
    'servers',
    'cli',
    'hosts',
    'rehearsal',
    'words',
    'test',
  ];
  const { stdout } = spawnSync(bin('depcruise'), args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  const { summary } = JSON.parse(stdout);
  for (const { rule, from, to } of summary.violations)
    process.stdout.write(`${rule.name}: ${from} → ${to}\n`);
  if (summary.totalCruised < 100 || summary.error > 0)
    fail(`boundaries (${summary.totalCruised} modules looked at)`);
  process.stdout.write(`boundaries: ok, ${summary.totalCruised} modules\n`);
}

/** A check that is a script of its own; what it found is printed only when something does not hold. */
function script(what, file, ...args) {
  const command = [join(root, 'scripts', file), ...args];
  const { status, stdout } = spawnSync(bin('node'), command, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return process.stdout.write(`${what}: ok\n`);
  process.stdout.write(stdout);
  return fail(what);
}

function fail(what) {
  process.stderr.write(`check failed: ${what}\n`);
  process.exit(1);
}
