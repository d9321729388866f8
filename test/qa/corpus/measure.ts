import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { json } from 'node:stream/consumers';
import { execa } from 'execa';
import type { Measure } from './corpus.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
const CHROMIUMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Chromium of this machine, or of the variable CHROMIUM. Undefined where there is none. */
export const chromium = (): string | undefined =>
  [process.env.CHROMIUM, ...CHROMIUMS].find((path) => path !== undefined && existsSync(path));

export interface Asked {
  /** Of the question; the answer comes back under it. */
  name: string;
  /** The folder of the page that is measured. */
  dir: string;
  measure: Measure;
}

/** Listens before the page's own scripts: what goes wrong, and how much the layout shifts. */
const PROBE = `<script>
window.errors = []; window.shift = 0; window.$ = (selector) => document.querySelector(selector);
addEventListener('error', ({ message }) => errors.push(String(message)));
addEventListener('unhandledrejection', ({ reason }) => errors.push(String(reason)));
new PerformanceObserver((list) => { for (const { value } of list.getEntries()) shift += value; }).observe({ type: 'layout-shift', buffered: true });
</script>`;

/**
 * Opens each page in a frame of the asked size, clicks, waits, and says whether the expression holds there. One Chromium for all;
 * it sends the answers to the server that it has the pages from, so no driver is needed.
 */
export async function measured(program: string, asked: readonly Asked[]): Promise<Map<string, unknown>> {
  const answers = Promise.withResolvers<Record<string, unknown>>();
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      answers.resolve(Object(await json(request)));
      return response.end();
    }
    const [, index = '', ...rest] = decodeURIComponent((request.url ?? '/').split('?')[0] ?? '').split('/');
    if (index === '') return response.setHeader('content-type', 'text/html').end(harness(asked));
    const file = join(asked[Number(index)]?.dir ?? '', normalize(`/${rest.join('/') || 'index.html'}`));
    const bytes = await readFile(file).catch(() => undefined);
    if (!bytes) return response.writeHead(404).end();
    response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain');
    return response.end(extname(file) === '.html' ? `${bytes}`.replace('<head>', `<head>${PROBE}`) : bytes);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  try {
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--remote-debugging-port=0',
      '--window-size=1400,1200',
    ];
    const url = `http://127.0.0.1:${port}/`;
    const browser = execa(program, [...flags, `--user-data-dir=${profile}`, url], {
      timeout: 120_000,
      reject: false,
    });
    // Chromium is ended as soon as it has answered; only an end before that is an error.
    const ended = browser.then(({ all, stderr }): never => {
      throw new Error(`Chromium ended before it answered: ${all ?? stderr}`);
    });
    const said = await Promise.race([answers.promise, ended]).finally(() => browser.kill());
    await browser;
    return new Map(Object.entries(said));
  } finally {
    server.close();
    server.closeAllConnections();
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

const harness = (asked: readonly Asked[]) => `<!doctype html><body><script type="module">
const asked = ${JSON.stringify(asked.map(({ name, measure }) => ({ name, ...measure })))};
const answers = {};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
for (const [index, { name, size, click, wait, holds }] of asked.entries()) {
  const frame = document.createElement('iframe');
  Object.assign(frame.style, { width: size[0] + 'px', height: size[1] + 'px', border: 0 });
  const loaded = new Promise((done) => { frame.onload = done; });
  frame.src = '/' + index + '/index.html';
  document.body.prepend(frame);
  await loaded;
  await sleep(50);
  try {
    for (const selector of click) frame.contentDocument.querySelector(selector).click();
    await sleep(50 + wait);
    answers[name] = Boolean(await frame.contentWindow.eval(holds));
  } catch (error) {
    answers[name] = String(error);
  }
  frame.remove();
}
await fetch('/answers', { method: 'POST', body: JSON.stringify(answers) });
</script></body>`;
