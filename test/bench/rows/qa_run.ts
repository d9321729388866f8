import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { applyFirstDefinition, readDefinition } from '../../../servers/core/factory/create.ts';
import { createAuthority } from '../../../servers/core/git/authority.ts';
import { openServices } from '../../../servers/core/open.ts';
import type { Services } from '../../../servers/core/services.ts';
import qa from '../../../servers/qa/index.ts';
import { nextCommit } from '../next_commit.ts';
import { middleRound, ROUNDS, type Round, type Row, rounded, type Surroundings } from '../row.ts';

const MOST_TIMES_BARE = 5;
const PATIENCE_MS = 120_000;
const TESTS = 20;
const TEST_MS = 100;

const sums = (version: number) => `export const sum = (a, b) => a + b; // version ${version}\n`;
const SUITE = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sum } from './sums.js';
for (let at = 0; at < ${TESTS}; at += 1) test('adds ' + at, async () => { await wait(${TEST_MS}); assert.equal(sum(at, 1), at + 1); });
`;
const MANIFEST = JSON.stringify({
  ...{ name: 'sums', version: '1.0.0', private: true, type: 'module', main: 'sums.js' },
  scripts: { test: 'node --test' },
});
const FILES = { 'package.json': MANIFEST, 'sums.js': sums(0), 'sums.test.js': SUITE };

/**
 * The job behind `qa_run` on a small change, beside its bare suite of two seconds in a folder: a clean checkout, the
 * suite in the sandbox and once more for flaky tests, coverage, dangerous code, the start and the proof on the parent.
 */
export async function qaRun({ folder, signal, progress }: Surroundings): Promise<Row> {
  const plain = join(folder, 'plain');
  await mkdir(plain);
  for (const [path, content] of Object.entries(FILES)) await writeFile(join(plain, path), content);
  const home = join(folder, 'factory');
  const services = await openServices(home, { jobs: qa.jobs, log: () => {} });
  try {
    await applyFirstDefinition(services, await readDefinition('solo'), 'initial');
    const start = Object.entries(FILES).map(([path, content]) => ({ path, content }));
    const bare = await createAuthority(home, { initial: start, message: 'Start', at: new Date() });
    const rounds: Round[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      signal.throwIfAborted();
      const echo = await seconds(() => execa('node', ['--test'], { cwd: plain }));
      const commit = await nextCommit(bare, { path: 'sums.js', content: sums(round) });
      rounds.push({ value: await seconds(() => judged(services, commit)), echo });
      progress(`qa_run ${round}/${ROUNDS}: ${rounds.at(-1)?.value.toFixed(1)} s`);
    }
    const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
    return {
      name: 'qa_run of a suite of two seconds, which runs twice',
      value: rounded(value),
      unit: 's',
      echo: rounded(echo),
      ratio: rounded(value / echo),
      bar: `≤ ${MOST_TIMES_BARE} × the bare suite`,
      pass: value <= MOST_TIMES_BARE * echo,
    };
  } finally {
    await services.close();
  }
}

async function seconds(work: () => PromiseLike<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return (performance.now() - since) / 1_000;
}

async function judged({ jobs, store, clock }: Services, commit: string): Promise<void> {
  const job = await store.transaction((tx) =>
    jobs.enqueue(tx, 'qa.run', { commit, mutants: 0 }, 'bench', clock.now()),
  );
  jobs.kick();
  const ended = await jobs.wait(job, PATIENCE_MS);
  if (!ended?.ok || ended.result['tests'] !== TESTS)
    throw new Error(
      `qa.run of the bench did not count its ${TESTS} tests: ${ended?.ok && ended.result['why']}`,
    );
}
