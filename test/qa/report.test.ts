import { expect, test } from 'vitest';
import { type Check, runSuite } from '../../servers/qa/checks.ts';
import { htmlReport } from '../../servers/qa/html/report.ts';
import { joined } from '../../servers/qa/not_tested.ts';
import type { Target } from '../../servers/qa/target.ts';

test('things that were not tested for one reason stand on one line', () => {
  const lines = ['probe: race: nothing was found.', 'suite: no git', 'probe: ssrf: nothing was found.'];
  expect(joined(lines)).toEqual(['probe: race, ssrf: nothing was found.', 'suite: no git']);
  const apart = [
    'probe: race: a.',
    'pages: race: a.',
    'criteria: none were named; --criteria FILE lists them',
  ];
  expect(joined(apart)).toEqual(apart);
});

test('a finding has its first sentence as a title, and what was seen below it as the product wrote it', () => {
  const what = 'It does not start: Error: no file\nat main.js:3\n  <b>at</b> top';
  const finding = {
    class: 'no-start',
    severity: 'critical',
    where: 'main.js',
    what,
    confirmed: true,
  } as const;
  const report = {
    verdict: 'FAIL',
    findings: [{ ...finding, reproduce: 'npm run start' }],
    checks: [],
    not_tested: ['probe: race: x', 'probe: ssrf: x'],
    ms: 1,
  } as const;
  const html = htmlReport({
    ...{ target: 'shop', at: 0, version: '1', pages: [] },
    report: { ...report, findings: [...report.findings], checks: [], not_tested: [...report.not_tested] },
  });
  expect(html).toContain('<h3>It does not start: Error: no file</h3>');
  expect(html).toContain('<p class="seen">at main.js:3\n  &lt;b&gt;at&lt;/b&gt; top</p>');
  expect(html).toContain('<li>probe: race, ssrf: x</li>');
});

test('a check with nothing to do did not run, and is no reason for PASS', async () => {
  const idle: Check = { name: 'idle', needs: 'folder', run: async (_, { nothing }) => nothing('no tests') };
  const target = { kind: 'sources', folder: '/', shown: 'x', layers: [], allow: [] } as unknown as Target;
  const run = { progress: () => undefined, signal: AbortSignal.timeout(5_000), checks: [idle] };
  expect(await runSuite(target, run)).toMatchObject({
    verdict: 'UNTESTED',
    checks: [
      { name: 'idle', ran: false },
      { name: 'criteria', ran: false },
    ],
    not_tested: expect.arrayContaining(['idle: no tests']),
  });
});
