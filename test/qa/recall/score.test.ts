import { expect, test } from 'vitest';
import type { PlantedCase } from '../corpus/corpus.ts';
import type { Ran, Reported } from './command.ts';
import { figuresOf } from './figures.ts';
import { judged } from './hostile.ts';
import { chosen, optionsOf } from './options.ts';
import { isResource, isRoute, sameFile, sameResource, sameRoute } from './place.ts';
import { type SamePlace, score } from './score.ts';
import { tableOf } from './table.ts';

const found = (name: string, where: string, more: Partial<Reported> = {}): Reported => ({
  class: name,
  severity: 'high',
  where,
  what: 'It does.',
  reproduce: 'curl -i http://127.0.0.1/',
  confirmed: true,
  ...more,
});

const planted = (id: string, more: Partial<PlantedCase> = {}): PlantedCase => ({
  id,
  kind: 'node',
  sound: false,
  expect: [],
  needs: [],
  proof: [],
  dir: `/corpus/${id}`,
  ...more,
});

const ran = (...findings: Reported[]): Ran => ({
  report: { verdict: findings.length > 0 ? 'FAIL' : 'PASS', findings, checks: [], not_tested: [] },
  output: '',
  ms: 1_000,
});

const exactly: SamePlace = async (_, { where }, finding) => {
  if (finding.where === where) return 'same';
  return finding.where === 'the page' ? 'whole page' : undefined;
};

const shop = planted('shop', {
  expect: [
    { class: 'race', severity: 'critical', where: 'POST /redeem' },
    { class: 'cookie', severity: 'high', where: 'POST /login' },
  ],
});
const twin = planted('shop-sound', { sound: true, twin: 'shop' });

test('a hit has the class and the place, and is confirmed; the rest is missed and says what was seen', async () => {
  const right = await score(shop, ran(found('race', 'POST /redeem'), found('cookie', 'GET /')), {
    samePlace: exactly,
  });
  expect(right.hits).toEqual([{ ...shop.expect[0], by: 'POST /redeem', coarse: false }]);
  expect(right.missed).toEqual([{ ...shop.expect[1], seen: ['GET /'] }]);
  const unconfirmed = await score(shop, ran(found('race', 'POST /redeem', { confirmed: false })), {
    samePlace: exactly,
  });
  expect(unconfirmed.missed.map(({ seen }) => seen)).toEqual([['POST /redeem (unconfirmed)'], []]);
  const otherClass = await score(shop, ran(found('idempotency', 'POST /redeem')), { samePlace: exactly });
  expect(otherClass.hits).toEqual([]);
});

test('one finding hits one thing, and one that names only the page takes what is left', async () => {
  const two = planted('two', {
    kind: 'page',
    expect: [
      { class: 'clipped', severity: 'high', where: '#a' },
      { class: 'clipped', severity: 'high', where: '#b' },
    ],
  });
  const once = await score(two, ran(found('clipped', 'the page')), { samePlace: exactly });
  expect([once.hits.length, once.missed.length]).toEqual([1, 1]);
  const both = await score(two, ran(found('clipped', 'the page'), found('clipped', '#a')), {
    samePlace: exactly,
  });
  expect(both.hits.map(({ where, coarse }) => [where, coarse])).toEqual([
    ['#a', false],
    ['#b', true],
  ]);
});

test('a twin counts every finding, low ones apart, and not what only a project can have', async () => {
  const findings = [
    found('race', 'POST /x', { confirmed: false }),
    found('cookie', 'GET /', { severity: 'low' }),
    found('no-tests', 'package.json'),
  ];
  const scored = await score(twin, ran(...findings), { samePlace: exactly, defect: shop });
  expect(scored.alarms.map((one) => one.class)).toEqual(['race']);
  expect(scored.low.map((one) => one.class)).toEqual(['cookie']);
  expect(scored.classes).toEqual(['race', 'cookie']);
  const project = await score({ ...twin, kind: 'project' }, ran(...findings), { samePlace: exactly });
  expect(project.alarms.map((one) => one.class)).toEqual(['race', 'no-tests']);
});

test('a run without a report hits nothing, and no bar holds', async () => {
  const fault = { fault: 'ended by a signal', output: '', ms: 5 };
  const [defect, clean] = [
    await score(shop, fault, { samePlace: exactly }),
    await score(twin, fault, { samePlace: exactly }),
  ];
  expect(defect.missed).toHaveLength(2);
  expect(figuresOf([clean], [], { ms: 1 })).toMatchObject({ ok: false, untested: 1, false_alarms: 0 });
});

test('the bars: nine of ten found, no false alarm, no harm, and something was run', async () => {
  const whole = await score(shop, ran(found('race', 'POST /redeem'), found('cookie', 'POST /login')), {
    samePlace: exactly,
  });
  const clean = await score(twin, ran(), { samePlace: exactly, defect: shop });
  expect(figuresOf([], [], { ms: 1 }).ok).toBe(false);
  const good = figuresOf([whole, clean], [], { ms: 61_000 });
  expect(good).toMatchObject({ ok: true, planted: 2, found: 2, recall_percent: 100, twins: 1, seconds: 61 });
  expect(good.classes.map(({ class: name, twins }) => [name, twins])).toEqual([
    ['race', 1],
    ['cookie', 1],
  ]);
  const missing = await score(shop, ran(found('race', 'POST /redeem')), { samePlace: exactly });
  const nine = [...Array(4).fill(whole), { ...missing }];
  expect(figuresOf(nine, [], { ms: 1 })).toMatchObject({ ok: true, recall_percent: 90 });
  expect(figuresOf([...nine, missing], [], { ms: 1 }).ok).toBe(false);
  const alarm = await score(twin, ran(found('race', 'POST /x|y')), { samePlace: exactly });
  const loud = figuresOf([whole, alarm], [], { ms: 1 });
  expect(loud).toMatchObject({ ok: false, false_alarms: 1 });
  expect(tableOf(loud)).toContain('| `race` | 1 | 1 | 0 | 0 | 0 | 1 | 0 | 1 |');
  expect(tableOf(loud)).toContain('- shop-sound: `race` (high) at POST /x|y: It does.');
});

test('a hostile project is held when it fails for the reason that is expected, and nothing is harmed', () => {
  const bomb = {
    id: 'bomb',
    expect: { class: 'hostile' as const, severity: 'critical' as const, where: 'x', reason: 'many' },
  };
  const held = judged(bomb, ran(found('hostile', 'x', { what: 'Too many.' })), []);
  expect(held).toMatchObject({ ok: true, verdict: 'FAIL', reason: 'Too many.' });
  expect(judged(bomb, ran(found('hostile', 'x')), ['a process is left']).ok).toBe(false);
  expect(judged(bomb, ran(found('failing-test', 'x')), []).reason).toBe(
    'no finding of hostile, but failing-test',
  );
  expect(judged(bomb, ran(), [])).toMatchObject({ ok: false, verdict: 'PASS' });
  expect(figuresOf([], [held], { ms: 1 })).toMatchObject({ ok: true, hostile: 1, harmless: 1 });
});

test('places of products: the method, the path, one segment for a parameter', () => {
  expect(isRoute('GET /a')).toBe(true);
  expect(isRoute("a[href='/b']")).toBe(false);
  for (const [wanted, where, same] of [
    ['GET /rooms/:id/price', 'GET /rooms/7/price?nights=-1', true],
    ['GET /rooms/:id/price', 'GET /rooms/{id}/price (nights)', true],
    ['GET /rooms/:id', 'GET /rooms/7/price', false],
    ['POST /redeem', 'GET /redeem', false],
    ['POST /sign', 'POST /sign, shown by GET /', true],
    ['GET /', 'GET /', true],
    ['GET /', 'GET /x', false],
    ['GET /go', 'GET /go/', true],
    ['GET /go', 'GET /gone', false],
  ] as const)
    expect(sameRoute(wanted, where), `${wanted} ${where}`).toBe(same);
});

test('places of projects and of what a page asks for', () => {
  expect(sameFile('src/a.js', './src/a.js:12:3')).toBe(true);
  expect(sameFile('a.js', 'src/a.js:12')).toBe(false);
  expect(sameFile('package.json', 'package.json (dependencies.hono)')).toBe(true);
  expect(sameFile('package-lock.json', 'package-lock.json: left-pad@1.0.0')).toBe(true);
  expect(sameFile('C3', 'criterion C3')).toBe(true);
  expect(isResource('data/rates.json')).toBe(true);
  expect(isResource('.menu')).toBe(false);
  expect(isResource("img[src='img/herd.jpg']")).toBe(false);
  expect(
    sameResource('data/a.json', found('failed-request', 'the page on /', { what: 'GET /data/a.json: 404' })),
  ).toBe(true);
  expect(
    sameResource('data/a.json', found('failed-request', 'the page on /', { what: 'GET /b.json: 404' })),
  ).toBe(false);
});

test('the command line chooses: a class takes its twins, and a seed always draws the same', () => {
  const all = [shop, twin, planted('other', { kind: 'worker' })];
  const options = (...args: string[]) => {
    const read = optionsOf(
      args,
      all.map(({ id }) => id),
    );
    if (typeof read === 'string') throw new Error(read);
    return read;
  };
  const ids = (...args: string[]) => chosen(all, options(...args)).map(({ id }) => id);
  expect(ids()).toHaveLength(3);
  expect(ids('--only', 'race')).toEqual(['shop', 'shop-sound']);
  expect(ids('--only', 'worker')).toEqual(['other']);
  expect(ids('--only', 'shop', '--only', 'other')).toEqual(['shop', 'other']);
  expect(ids('--sample', '2', '--seed', 'a')).toEqual(ids('--sample', '2', '--seed', 'a'));
  const draws = new Set(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((seed) => ids('--sample', '1', '--seed', seed)[0]),
  );
  expect(draws.size).toBeGreaterThan(1);
  for (const wrong of [
    ['--only', 'nothing-of-this-name'],
    ['--failed', '--resume'],
    ['--minutes', '0'],
    ['--sample', '0'],
    ['--workers', 'a'],
    ['--what'],
  ])
    expect(optionsOf(wrong, []), wrong.join(' ')).toBeTypeOf('string');
});
