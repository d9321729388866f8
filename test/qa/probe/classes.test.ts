import { describe, expect, test } from 'vitest';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { IDENTITIES, shop } from './shop.ts';

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
      expect(regression).toMatch(/^import \{ expect, test \} from 'vitest';/);
    }
  });

  test('the twin gets no finding, and nothing stopped the probe', async () => {
    const twin = await attack(false);
    expect(twin.findings.map(({ kind, title }) => `${kind}: ${title}`)).toEqual([]);
    expect(twin.checks.filter(({ ran }) => !ran)).toEqual([]);
  });

  test('without users the report says what it could not try', async () => {
    const { notTested } = await attack(false, {
      identities: { users: [] },
      budget: { requests: 400, ms: 20_000 },
    });
    expect(notTested.join('\n')).toMatch(/other-user: two users are needed/);
  });
});
