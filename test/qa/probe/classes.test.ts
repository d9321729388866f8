import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { execa } from 'execa';
import type { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { readOpenApi } from '../../../servers/qa/probe/openapi.ts';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { validValues } from '../../../servers/qa/probe/values.ts';
import { IDENTITIES, shop } from './shop.ts';
import { REPOSITORY, serving } from './workshop.ts';

const BUDGET = { requests: 8_000, ms: 60_000 };

async function attack(flawed: boolean, more: Partial<Parameters<typeof probe>[0]> = {}) {
  const { app, reset } = shop(flawed);
  return probe({
    origin: 'http://127.0.0.1:8787',
    seed: 7,
    budget: BUDGET,
    identities: IDENTITIES,
    fetch: async (url, init) => app.request(String(url), init),
    reset: async () => {
      reset();
      return 'http://127.0.0.1:8787';
    },
    ...more,
  });
}

/** A Hono app behind node:http. */
const listener = (app: Hono) => async (request: IncomingMessage, response: ServerResponse) => {
  const { method = 'GET', url = '/', headers } = request;
  const body = method === 'GET' ? undefined : new Uint8Array(await buffer(request));
  const answer = await app.request(`http://127.0.0.1${url}`, {
    method,
    headers: headers as Record<string, string>,
    ...(body ? { body } : {}),
  });
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers) });
  response.end(await answer.text());
};

/** Which of the tests in a folder fail against a served shop, as vitest itself says. */
async function failing(folder: string, flawed: boolean): Promise<string[]> {
  const { app } = shop(flawed);
  return serving(listener(app), async (origin) => {
    const vitest = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
    await execa(
      process.execPath,
      [vitest, 'run', '--root', folder, '--reporter=json', '--outputFile=report.json'],
      {
        cwd: folder,
        env: { PRODUCT_URL: origin },
        reject: false,
      },
    );
    const { testResults } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as {
      testResults: { name: string; status: string }[];
    };
    expect(testResults.length).toBeGreaterThan(4);
    return testResults
      .filter(({ status }) => status === 'failed')
      .map(({ name }) => basename(name, '.test.mjs'))
      .sort();
  });
}

describe('a shop with one defect of each class, beside its sound twin', async () => {
  const report = await attack(true);
  const found = report.findings.map(({ kind, where }) => `${kind} ${where}`);

  test.each([
    'sql-injection GET /api/search',
    'command-injection GET /api/ping',
    'template-injection GET /api/hello',
    'path-traversal GET /api/file',
    'ssrf POST /api/preview',
    'open-redirect GET /go',
    'pagination GET /api/list',
    'other-user GET /api/notes/{id}',
    'other-user PATCH /api/notes/{id}',
    'other-user DELETE /api/notes/{id}',
    'expired-token GET /api/notes',
    'mass-assignment POST /api/users',
    'role-escalation GET /api/admin/stats',
    'race POST /api/redeem',
    'idempotency POST /api/pay',
    'validation POST /api/pay',
    'malformed-body POST /api/pay',
    'rate-limit POST /api/login',
    'cookie POST /api/login',
  ])('%s', (line) => {
    expect(found).toContain(line);
  });

  test('auth-missing, oversized-body, cors and error-leak, wherever', () => {
    const kinds = new Set(report.findings.map(({ kind }) => kind));
    for (const kind of ['auth-missing', 'oversized-body', 'cors']) expect(kinds).toContain(kind);
  });

  test('each has curl commands and a regression test', () => {
    for (const { reproduction, regression } of report.findings) {
      expect(reproduction).toMatch(/^curl /);
      expect(regression).toContain("import { expect, test } from 'vitest';");
    }
  });

  test('the regression tests fail on the flawed shop and pass on its twin', async () => {
    const kinds = ['sql-injection', 'path-traversal', 'role-escalation', 'open-redirect', 'race', 'cookie'];
    const written = kinds.map((kind) => report.findings.find((one) => one.kind === kind)?.regression ?? '');
    const folder = await mkdtemp(join(tmpdir(), 'millwright-regression-'));
    try {
      await Promise.all(
        written.map((text, index) => writeFile(join(folder, `${kinds[index]}.test.mjs`), text)),
      );
      expect(await failing(folder, true)).toEqual(kinds.toSorted());
      expect(await failing(folder, false)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test('the twin gets no finding, and nothing stopped the probe', async () => {
    const twin = await attack(false);
    expect(twin.findings.map(({ kind, title }) => `${kind}: ${title}`)).toEqual([]);
    expect(twin.checks.filter(({ ran }) => !ran)).toEqual([]);
  });

  test('what a description calls readOnly is no field of the form', () => {
    const schema = { properties: { text: { type: 'string' }, credits: { type: 'integer', readOnly: true } } };
    const content = { 'application/json': { schema } };
    const [input] = readOpenApi({
      openapi: '3.1.0',
      paths: { '/me': { patch: { requestBody: { content } } } },
    });
    expect(input && Object.keys(validValues(input, 'q1'))).toEqual(['text']);
  });

  test('without users the report says what it could not try', async () => {
    const { notTested } = await attack(false, {
      identities: { users: [] },
      budget: { requests: 400, ms: 20_000 },
    });
    expect(notTested.join('\n')).toMatch(/other-user: two users are needed/);
  });
});
