import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PlantedCase } from '../corpus/corpus.ts';
import { counted, due, type Known } from './count.ts';
import { documentOf } from './document.ts';
import { optionsOf } from './options.ts';
import { pagePlaces } from './page_place.ts';
import { kept, type Results, readResults, sourceDigest, writeResults } from './results.ts';
import { inTurns, isAlone } from './turns.ts';

async function room(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recall-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

const race = { class: 'race', severity: 'critical', where: 'POST /redeem' } as const;

async function entry(folder: string, id: string, more: Partial<PlantedCase> = {}): Promise<PlantedCase> {
  const dir = join(folder, id);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'server.mjs'), `// ${id}`);
  return { id, kind: 'node', sound: false, expect: [race], needs: [], proof: [], dir, ...more };
}

const report = (...wheres: string[]) => ({
  verdict: wheres.length > 0 ? ('FAIL' as const) : ('PASS' as const),
  findings: wheres.map((where) => ({ ...race, where, what: '', reproduce: '', confirmed: true })),
  checks: [{ name: 'probe', ran: true, ms: 2_000 }],
  not_tested: [],
});

/** One entry found, one missed, one untested, one never run; all but the untested one of this build. */
async function known(folder: string, ...args: string[]): Promise<Known> {
  const options = optionsOf(args, []);
  if (typeof options === 'string') throw new Error(options);
  const all = await Promise.all(['found', 'missed', 'untested', 'new'].map((id) => entry(folder, id)));
  const [source, missedSource, untestedSource] = await Promise.all(all.map(sourceDigest));
  const results: Results = {
    cases: {
      found: {
        build: 'b',
        source: source ?? '',
        tries: 1,
        ended: { report: report('POST /redeem'), ms: 3_000 },
      },
      missed: { build: 'b', source: missedSource ?? '', tries: 2, ended: { report: report(), ms: 5_000 } },
      untested: { build: 'a', source: untestedSource ?? '', tries: 1, ended: { fault: 'none', ms: 1_000 } },
    },
    hostile: {},
  };
  return { entries: { all, cases: all, hostile: [] }, options, results, build: 'b', pages: pagePlaces() };
}

test('what is due: all, what was not good, or what this build has not run', async () => {
  const folder = await room();
  const ids = async (...args: string[]) =>
    (await due(await known(folder, ...args))).cases.map(({ id }) => id);
  expect(await ids()).toEqual(['found', 'missed', 'untested', 'new']);
  expect(await ids('--failed')).toEqual(['missed', 'untested', 'new']);
  expect(await ids('--resume')).toEqual(['untested', 'new']);
});

test('an entry whose product was changed is due again, one of which only more is expected is counted anew', async () => {
  const folder = await room();
  const before = await known(folder, '--resume');
  await writeFile(join(folder, 'found', 'case.yaml'), 'id: found');
  await writeFile(join(folder, 'missed', 'server.mjs'), '// other');
  expect((await due(before)).cases.map(({ id }) => id)).toEqual(['missed', 'untested', 'new']);
  const [found] = before.entries.cases;
  if (found) found.expect = [{ ...race, where: 'POST /elsewhere' }];
  expect((await counted(before, 0)).found).toBe(0);
  if (found) found.expect = [{ ...race, where: 'POST /elsewhere', also: ['server.mjs', 'POST /redeem'] }];
  expect((await counted(before, 0)).found).toBe(1);
});

test('what is counted says what was never run, what is of another build, and what was run again', async () => {
  const figures = await counted(await known(await room()), 9_000);
  expect(figures).toMatchObject({
    ok: false,
    planted: 3,
    found: 1,
    not_run: 1,
    stale: 1,
    again: 1,
    seconds: 9,
  });
  expect(figures.classes).toEqual([
    {
      class: 'race',
      planted: 3,
      found: 1,
      missed: 1,
      untested: 1,
      twins: 0,
      false_alarms: 0,
      low: 0,
      seconds: 3,
    },
  ]);
  expect(figures.kinds).toEqual([{ kind: 'node', entries: 3, each: 3, checks: { probe: 1.3 }, rest: 1.7 }]);
  const page = documentOf(figures, new Date('2026-01-02T00:00:00Z'));
  expect(page).toContain('| `race` | 3 | 1 | 1 | 1 | 0 | 0 | 0 | 3 |');
  expect(page).toContain('on 2026-01-02');
  expect(page).not.toContain('/redeem');
});

test('results are kept as a whole; no file, and one that is no JSON, are none', async () => {
  const file = join(await room(), 'below', 'results.json');
  expect(await readResults(file)).toEqual({ cases: {}, hostile: {} });
  const { results } = await known(await room());
  await writeResults(file, results);
  expect(await readResults(file)).toEqual(results);
  await writeFile(file, '{"cases":');
  expect(await readResults(file)).toEqual({ cases: {}, hostile: {} });
  const now = { build: 'b', source: 's', ended: 1 };
  expect(kept(undefined, now).tries).toBe(1);
  expect(kept({ ...now, tries: 1 }, now).tries).toBe(2);
  expect(kept({ ...now, build: 'a', tries: 3 }, now).tries).toBe(1);
});

test('what is about time runs alone, its twin too; after the deadline nothing is begun', async () => {
  const folder = await room();
  const defect = await entry(folder, 'a');
  const twin = await entry(folder, 'b', { sound: true, twin: 'a', expect: [] });
  const other = await entry(folder, 'c', { expect: [{ ...race, class: 'cookie' }] });
  const all = [defect, twin, other];
  expect(all.map((one) => isAlone(one, all))).toEqual([true, true, false]);
  const begun: string[] = [];
  const run = async (id: string) => void begun.push(id);
  await inTurns(['a', 'b', 'c'], { width: 2, deadline: performance.now() + 60_000 }, run);
  await inTurns(['d'], { width: 2, deadline: performance.now() - 1 }, run);
  expect(begun).toEqual(['a', 'b', 'c']);
});
