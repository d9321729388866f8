import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectPages } from '../../../servers/qa/page/inspect.ts';
import { launch } from '../../../servers/qa/page/launch.ts';
import type { PageReport } from '../../../servers/qa/page/types.ts';
import { load, openWindow } from '../../../servers/qa/page/window.ts';
import { carriedChromium } from './chromium.ts';

const page = (body: string) =>
  `<!doctype html><html lang="en"><head><title>T</title><meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 sans-serif;color:#111;background:#fff}.cut{width:80px;overflow:hidden;white-space:nowrap}[hidden]{display:none!important}</style></head><body><main><h1>T</h1>${body}</main></body></html>`;
const CUT = '<p class="cut">A very long product name</p>';
const afterLoad = (ms: number, code: string) =>
  `<script>addEventListener('load',()=>setTimeout(()=>{${code}},${ms}))</script>`;
const add = (html: string) => `document.querySelector('main').insertAdjacentHTML('beforeend','${html}')`;
const CALENDAR = Array.from({ length: 28 }, (_, day) => `<button>${day + 1}</button>`).join('');
const picker = (id: string, open: string) =>
  `<div style="position:relative;overflow:hidden;height:90px;width:300px"><input id="i${id}" readonly name="date" aria-label="When ${id}" onclick="${open}"><div id="${id}" hidden style="position:absolute;top:40px;display:grid;grid-template-columns:repeat(7,1fr);width:240px;background:#fff">${CALENDAR}</div></div>`;
const PATHS = ['asked', 'timer', 'moved', 'pickers', 'data', 'kept'];

const PAGES: Record<string, string> = {
  '/': page(
    `${PATHS.map((path) => `<a href="/${path}">${path}</a> `).join('')}<script>localStorage.a='1';sessionStorage.a='1'</script>`,
  ),
  '/asked': page(`<p>Text</p>${afterLoad(100, `fetch('/slow').then(r=>r.text()).then(()=>${add(CUT)})`)}`),
  '/timer': page(`<p>Text</p>${afterLoad(300, add(CUT))}`),
  '/chain': page(
    `<p>Text</p>${afterLoad(140, `const id=setInterval(()=>{clearInterval(id);requestAnimationFrame(()=>setTimeout(()=>{${add(CUT)}},140))},140)`)}`,
  ),
  '/moved': page(
    `${'<p>Text that is pushed away.</p>'.repeat(9)}${afterLoad(1_150, "document.body.insertAdjacentHTML('afterbegin','<div style=height:400px>Ad</div>')")}`,
  ),
  '/pickers': page(
    `${picker('p', 'setTimeout(()=>{p.hidden=false},250)')}${picker('q', "fetch('/slow').then(()=>{q.hidden=false})")}`,
  ),
  '/data': page(
    "<ul id='l'></ul><script>fetch('/names').then(r=>r.json()).then(names=>{l.append(names[0].name.toUpperCase())})</script>",
  ),
  '/kept': page(
    `<p>Text</p><script>if(document.cookie||localStorage.a||sessionStorage.a||window.name)${add(CUT)}</script>`,
  ),
};

let browser: Browser;
let origin: string;
let server: Server;
let report: PageReport;
let asked: { path: string; cookie: string | undefined }[] = [];
let askedByTheLooks: typeof asked;
let mostAtOnce = 0;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const path = request.url ?? '';
    asked.push({ path, cookie: request.headers.cookie });
    if (path === '/names')
      return void response.setHeader('content-type', 'application/json').end('[{"name":"Ann"}]');
    if (path === '/slow') await sleep(300);
    response.setHeader('content-type', 'text/html');
    if (path !== '/kept') response.setHeader('set-cookie', 'seen=1; Path=/');
    response.statusCode = PAGES[path] || path === '/slow' ? 200 : 404;
    response.end(PAGES[path]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await launch(await carriedChromium(), ['127.0.0.1']);
  const out = await mkdtemp(join(tmpdir(), 'millwright-looks-'));
  const watch = setInterval(() => {
    mostAtOnce = Math.max(mostAtOnce, browser.contexts().length);
  }, 20);
  try {
    report = await inspectPages({ browser, origin, budget: { pages: 10, ms: 200_000 }, out });
    askedByTheLooks = asked;
    asked = [];
  } finally {
    clearInterval(watch);
    await rm(out, { recursive: true, force: true });
  }
}, 240_000);
afterAll(async () => {
  await browser.close();
  server.close();
});

const foundOn = (path: string, kind: string) =>
  report.findings.filter((one) => one.class === kind && one.where.includes(` on ${path} (`));

test.each(['/asked', '/timer'])('%s: what comes after the load is seen in every window', (path) => {
  const [found, ...others] = foundOn(path, 'cut-text');
  expect(others).toEqual([]);
  expect(found).toMatchObject({ where: expect.stringContaining('(phone, light)'), confirmed: true });
  expect(found?.what).toContain(
    'Also: desktop, dark; desktop, light; phone, dark; tablet, dark; tablet, light.',
  );
});

test.each(['/asked', '/timer', '/chain'])(
  '%s: a page that still asks or waits for something is not at rest',
  async (path) => {
    const { page: one, close } = await openWindow(browser, { origin, size: 'phone', allow: [] });
    try {
      await load(one, `${origin}${path}`);
      expect(await one.evaluate(() => document.querySelectorAll('.cut').length)).toBe(1);
    } finally {
      await close();
    }
  },
);

test('what moves the page long after it was loaded is a layout shift, at once and over a slow line', () => {
  expect(foundOn('/moved', 'layout-shift')).toMatchObject([{ severity: 'high', confirmed: true }]);
});

test('what opens late, and what is fetched before it opens, is measured', () => {
  const found = foundOn('/pickers', 'clipped').map(({ where }) => where.split(' ')[0]);
  expect(found.toSorted()).toEqual(['div#p', 'div#q']);
});

test('a page with data is looked at with empty lists too', () => {
  expect(foundOn('/data', 'console-error')).toMatchObject([
    { severity: 'low', what: expect.stringContaining('(with empty lists)') },
  ]);
});

test('nothing is kept from one window or one page for another', () => {
  expect(foundOn('/kept', 'cut-text')).toEqual([]);
  for (const path of ['/', ...PATHS.map((one) => `/${one}`)].filter((one) => one !== '/kept')) {
    const first = askedByTheLooks.filter((one) => one.path === path && one.cookie === undefined).length;
    // Phone, tablet, desktop, the slow line, and twice with other data; the first link is followed without a window.
    const windows = path === '/data' ? 6 : 4;
    expect([path, first]).toEqual([path, path === '/asked' ? windows + 1 : windows]);
  }
});

test('three windows are open at once and no more', () => {
  expect(report).toMatchObject({ started: true, complete: true, pages: 7, visits: 21 });
  expect(mostAtOnce).toBe(3);
});
