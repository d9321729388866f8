import { expect, test } from 'vitest';
import { beginPipeline } from '../../cli/line/begin.ts';
import { drive } from '../../cli/line/drive.ts';
import { hostBinary } from './binaries.ts';
import { playsTheLine } from './line_script.ts';
import { openMill } from './mill.ts';
import { startModelStub } from './model_stub.ts';

const DRIVEN_MS = 540_000;

const step = (role: string, id: string, more: object) => ({
  ...{ id, role, title: id, criteria: ['It adds'], stops: ['It does not'] },
  ...more,
});
/** The part of `feature` that races: from the change to mainline. */
const CHANGE = {
  title: 'From a request to a merged change',
  rounds: 3,
  phases: [
    {
      ...{ id: 'build', name: 'IMP', on_failure: 'build' },
      steps: [step('developer', 'build', { closes: ['smoke', 'consistency', 'docs', 'rollback', 'scan'] })],
    },
    {
      ...{ id: 'check', name: 'TEST', on_failure: 'build' },
      steps: [
        step('reviewer', 'review', { closes: ['review'] }),
        step('qa', 'test', { closes: ['qa'] }),
        step('reviewer', 'land', { after: ['review', 'test'], closes: ['merged'] }),
      ],
    },
  ],
};

const write = (name: string) =>
  [
    `echo 'export const ${name} = (a, b) => a + b;' > src/${name}.js`,
    `echo "import test from 'node:test'; import assert from 'node:assert'; import { ${name} } from '../src/${name}.js'; test('${name}', () => assert.equal(${name}(1, 2), 3));" > test/${name}.test.js`,
    `mkdir -p docs && echo 'It adds.' > docs/${name}.md`,
  ].join(' && ');

test('two pipelines run side by side and race to merge: both land, the later one judged again on the new mainline', async () => {
  const model = await startModelStub(
    playsTheLine((brief) => write(/REQUEST-LEFT/.test(JSON.stringify(brief)) ? 'left' : 'right')),
  );
  const mill = await openMill({
    pipelines: { change: CHANGE },
    env: { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'sk-ant-scripted' },
    async change(factory) {
      factory.hosts = { 'claude-code': { kind: 'claude-code', command: await hostBinary('claude-code') } };
      for (const role of ['reviewer', 'qa'])
        Object.assign(factory.roles[role] ?? {}, { agents: [role, `${role}-2`] });
    },
  });
  try {
    const { services, fleet } = mill;
    const driven = ['REQUEST-LEFT, a function that adds.', 'REQUEST-RIGHT, a function that adds.'].map(
      async (request) => {
        const pipeline = await beginPipeline(services, fleet.tools, 'change', request);
        const tell = (line: string) => process.env.DEBUG && process.stderr.write(`${line}\n`);
        const signal = AbortSignal.timeout(DRIVEN_MS);
        return drive({ services, pipeline, signal, tell, look: async () => {} });
      },
    );
    expect(await Promise.all(driven)).toEqual([{ state: 'done' }, { state: 'done' }]);
    const merged = await mill.db
      .selectFrom('submissions')
      .select(['commit_id', 'base_commit', 'merged_commit'])
      .where('merged_commit', 'is not', null)
      .orderBy('merged_at')
      .execute();
    const commits = merged.map(({ merged_commit }) => merged_commit);
    expect(new Set(commits).size).toBe(2);
    // The second lies on the first, whatever it was built on.
    expect(merged.at(-1)?.base_commit).toBe(commits[0]);
    const runs = await mill.db
      .selectFrom('spawns')
      .select(['id', 'agent', 'taken_at', 'ended_at', 'outcome'])
      .orderBy('id')
      .execute();
    if (process.env.DEBUG)
      process.stderr.write(
        `${runs.map((r) => `${r.agent} ${r.outcome} ${Number(r.ended_at) - Number(r.taken_at)} ms`).join('\n')}\n`,
      );
    const overlaps = runs.some((one) =>
      runs.some(
        (two) =>
          one !== two &&
          Number(one.taken_at) < Number(two.ended_at) &&
          Number(two.taken_at) < Number(one.ended_at),
      ),
    );
    expect(overlaps).toBe(true);
  } finally {
    await mill.close();
    await model.close();
  }
}, 600_000);
