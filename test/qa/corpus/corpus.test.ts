import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'parse5';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authOf, CLASSES, cases, hostileProjects, ONLY_OF_PROJECTS, type PlantedCase } from './corpus.ts';
import { refuted } from './proof.ts';
import { sampled } from './sample.ts';
import { type Started, startNode, startWorkers } from './started.ts';

const all = await cases();
const hostile = await hostileProjects();
const defects = all.filter(({ sound }) => !sound);
const twins = all.filter(({ sound }) => sound);
/** What is started and proven here: a few of the day, or all. */
const played = sampled(all, new Date().toISOString().slice(0, 10));
const starts = ({ expect }: PlantedCase) => !expect.some((finding) => finding.class === 'no-start');
const named = (list: readonly PlantedCase[]) => list.map((planted) => [planted.id, planted] as const);

describe('the corpus', () => {
  test('plants every class, and has a sound twin for many', () => {
    const planted = [...defects.flatMap(({ expect }) => expect), ...hostile.map(({ expect }) => expect)];
    expect(new Set(planted.map((finding) => finding.class))).toEqual(new Set(Object.values(CLASSES).flat()));
    expect(defects.length).toBeGreaterThanOrEqual(46);
    expect(twins.length).toBeGreaterThanOrEqual(24);
  });

  test('has classes that docs/qa-classes.md explains, all of them and no other', async () => {
    const text = await readFile(join(import.meta.dirname, '../../../docs/qa-classes.md'), 'utf8');
    const explained = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    expect(explained).toEqual(Object.values(CLASSES).flat());
  });

  test('names each case as its folder, and each twin after a defect', () => {
    for (const { id, dir } of [...all, ...hostile]) expect(dir.endsWith(`/${id}`)).toBe(true);
    for (const { sound, twin, expect: findings, id } of all) {
      expect(findings.length > 0, id).toBe(!sound);
      if (sound) expect(defects.map((defect) => defect.id)).toContain(twin);
    }
  });

  test('plants what only a project can have in projects', () => {
    for (const { id, kind, expect: findings } of defects)
      if (kind !== 'project')
        for (const finding of findings) expect(ONLY_OF_PROJECTS, id).not.toContain(finding.class);
  });

  test('proves each defect, by steps or by a measurement in a browser', () => {
    for (const { id, kind, proof, measure } of defects)
      expect(kind === 'page' ? measure !== undefined : proof.length > 0, id).toBe(true);
  });
});

test.each(named(all.filter(({ kind }) => kind === 'page')))('%s is a page', async (_, { dir }) => {
  const wrong: string[] = [];
  const html = await readFile(join(dir, 'index.html'), 'utf8');
  parse(html, { onParseError: ({ code }) => wrong.push(code) });
  expect(wrong).toEqual([]);
});

/** What runs of the cases; each is started once, and proofs that change it come after those of its defect. */
const running = new Map<string, Started>();
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const workers = await startWorkers(
    played.filter((planted) => planted.kind === 'worker' && starts(planted)),
  );
  closing.push(workers.close);
  for (const [id, started] of workers.started) running.set(id, started);
  const nodes = played.filter((planted) => planted.kind === 'node' && starts(planted));
  await Promise.all(
    nodes.map(async (planted) => {
      const started = await startNode(planted);
      closing.push(started.close);
      running.set(planted.id, started);
    }),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

const servers = played.filter((planted) => ['worker', 'node'].includes(planted.kind) && starts(planted));
test.each(named(servers))('%s answers', async (id) => {
  const answer = await running.get(id)?.send({ method: 'GET', path: '/', headers: {} });
  expect(answer?.status).toBeLessThan(500);
});

const stand = async (planted: PlantedCase) => ({
  planted,
  started: running.get(planted.id),
  auth: await authOf(planted),
});

const provable = played.filter(({ proof }) => proof.length > 0);
test.each(named(provable.filter(({ sound }) => !sound)))('%s has its defect', async (_, planted) => {
  expect(await refuted(planted.proof, await stand(planted))).toBeUndefined();
});

test.each(named(provable.filter(({ sound }) => sound)))(
  '%s does what its defect does, without it',
  async (_, twin) => {
    const defect = all.find(({ id }) => id === twin.twin);
    expect(await refuted(twin.proof, await stand(twin)), 'its own proof').toBeUndefined();
    const comparable = defect && defect.kind === twin.kind;
    if (comparable)
      expect(await refuted(defect.proof, await stand(twin)), 'the proof of its defect').toBeDefined();
  },
);
