import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { carriedChromium } from '../qa/page/chromium.ts';
import { buildOnce, LAUNCHER, openDesk } from './command.ts';

beforeAll(async () => void (await buildOnce()));

const page = (body: string, style = '') =>
  `<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="width=device-width"><style>[hidden]{display:none!important}${style}</style></head><body><main><h1>Shop</h1>${body}</main></body></html>`;
const DAYS = Array.from({ length: 28 }, (_, day) => `<button type="button">${day + 1}</button>`).join('');
const CLIPPED = page(
  `<div class="card"><label>When <input readonly name="date" onclick="p.hidden=!p.hidden"></label><div id="p" hidden>${DAYS}</div></div>`,
  '.card{position:relative;overflow:hidden;height:110px;width:300px}#p{position:absolute;top:60px;width:240px;background:#fff}',
);

test('a clipped date picker is found in a page by a stranger, with a report and its picture', async () => {
  const desk = await openDesk({ 'shop.html': CLIPPED });
  const env = { MILLWRIGHT_CHROMIUM: (await carriedChromium()).executable };
  const { exit, json, stderr } = await desk.run(['qa', 'shop.html', '--out', 'out'], {
    env,
    timeout: 60_000,
  });
  expect(stderr).toMatch(/^will serve the pages of \. in the sandbox .*no network but its own loopback/);
  expect(json).toMatchObject({
    target: 'shop.html',
    verdict: 'FAIL',
    findings: [
      { class: 'clipped', severity: 'high', where: 'div#p on /shop.html (phone, light)', confirmed: true },
    ],
    checks: expect.arrayContaining([{ name: 'pages', ran: true, ms: expect.any(Number) }]),
    not_tested: expect.any(Array),
    ms: expect.any(Number),
  });
  expect(Object.keys(json).sort()).toEqual(['checks', 'findings', 'ms', 'not_tested', 'target', 'verdict']);
  expect(exit).toBe(1);
  const html = await readFile(join(desk.repository, 'out', 'report.html'), 'utf8');
  expect(html).toMatch(/<img loading="lazy" alt="clipped: [^"]*" src="data:image\/png;base64,iVBOR/);
  expect(html).not.toMatch(/<script|https?:\/\/(?!127\.0\.0\.1)/);
  expect(await readdir(join(desk.repository, 'out', 'pages'))).toContain('page-shop-html-phone-light.png');
}, 120_000);

test('what cannot be tested exits with 2 and says the way out', async () => {
  const desk = await openDesk();
  for (const [args, message] of [
    [['qa', 'nowhere'], 'There is nothing at nowhere.'],
    [['qa', 'http://shop.example'], 'shop.example is not on this machine, and testing means attacking.'],
    [['qa', '.', '--auth', 'README.md'], 'README.md says nothing about users: it is no JSON'],
    [['qa', '.', '--criteria', 'nowhere.yaml'], 'nowhere.yaml lists no criteria: it cannot be read'],
  ] as const) {
    const { exit, json } = await desk.run(args);
    expect([exit, json.error?.message]).toEqual([2, message]);
    expect(json.error?.remedy).not.toBe('');
  }
});

test('a product that does not start is FAIL, and its own words in the report are no markup', async () => {
  const desk = await openDesk({
    'package.json': JSON.stringify({ name: 'x', scripts: { start: 'node main.js' } }),
    'main.js': 'throw new Error("<img src=x onerror=alert(1)>")',
    'wanted.yaml': '# of the shop\n- criterion: It opens at eight\n  checks: [opens at eight]\n',
  });
  const { exit, json } = await desk.run(['qa', '.', '--out', 'out', '--criteria', 'wanted.yaml']);
  expect([exit, json.verdict]).toEqual([1, 'FAIL']);
  expect(json.findings).toMatchObject([
    { class: 'no-start', severity: 'critical', where: 'main.js', confirmed: true },
    { class: 'untied-criterion', severity: 'high', where: 'wanted.yaml:2', confirmed: true },
    { class: 'no-tests', severity: 'low' },
  ]);
  expect(json.checks).toContainEqual({ name: 'cost', ran: false, ms: 0 });
  expect(json.not_tested).toContain('pages: the product does not start');
  const html = await readFile(join(desk.repository, 'out', 'report.html'), 'utf8');
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
  expect(html).not.toContain('<img src=x');
}, 60_000);

test('a product that ends by itself right after its first answer does not start', async () => {
  const desk = await openDesk({
    'package.json': JSON.stringify({ name: 'x', scripts: { start: 'node late.js' } }),
    'late.js':
      "require('http').createServer((q, r) => r.end('x')).listen(process.env.PORT); setTimeout(() => { throw new Error('late'); }, 400)",
    'auth.json': JSON.stringify({ users: [], admin: { name: 'boss', headers: { authorization: 'x' } } }),
  });
  const { exit, json } = await desk.run(['qa', '.', '--auth', 'auth.json', '--out', 'out']);
  expect(json.findings).toMatchObject([
    { class: 'no-start', where: 'late.js', what: expect.stringContaining('ended by itself') },
    { class: 'no-tests', severity: 'low' },
  ]);
  expect(exit).toBe(1);
}, 60_000);

test.runIf(process.env.LONG_TESTS === '1')(
  'Ctrl-C ends it with 130 and leaves nothing',
  async () => {
    const desk = await openDesk({ 'index.html': CLIPPED });
    const tmp = join(desk.folder, 'tmp');
    await mkdir(tmp);
    await writeFile(join(desk.folder, 'marker'), '');
    const child = execa(process.execPath, [LAUNCHER, 'qa', '.', '--out', 'out'], {
      cwd: desk.repository,
      env: { TMPDIR: tmp, MILLWRIGHT_CHROMIUM: (await carriedChromium()).executable },
      reject: false,
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('pages: running')) child.kill('SIGINT');
    });
    const { exitCode, stderr } = await child;
    expect([exitCode, stderr.split('\n').at(-1)]).toEqual([130, 'interrupted; nothing is left running']);
    expect(await readdir(tmp)).toEqual([]);
  },
  60_000,
);
