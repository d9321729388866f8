import { expect, test } from 'vitest';
import { SERVER_NAMES } from '../../servers/fleet.ts';
import { serve } from '../core/served.ts';
import { forwarder } from './forwarder.ts';
import { runSuite } from './suite.ts';

/** What judges a server without the suite's fixtures, and by how many checks; each of them must have succeeded. */
const JUDGED: Record<string, Record<string, number>> = {
  '2025-11-25': {
    'server-initialize': 1,
    ping: 1,
    'tools-list': 2,
    'resources-list': 1,
    'prompts-list': 1,
    'dns-rebinding-protection': 2,
  },
  '2026-07-28': {
    'server-stateless': 26,
    'tools-list': 3,
    'resources-list': 1,
    'prompts-list': 1,
    caching: 7,
    'sep-2164-resource-not-found': 3,
    'dns-rebinding-protection': 2,
    'server-sse-multiple-streams': 1,
    'input-required-result-unsupported-methods': 1,
    'http-header-validation': 13,
  },
};
/** Of both sides, in all scenarios together. */
const LEAST_MESSAGES = 130;
/** They succeed because the tool they call does not exist, which judges nothing. */
const VACUOUS = ['tools-call-simple-text', 'tools-call-error', 'input-required-result-ignore-extra-params'];
/** Extensions that this server does not declare; some of their checks look at refusals. */
const UNDECLARED = /^tasks-/;

/** The whole fleet as `millwright up` serves it, and a session of the lead. */
async function endpoint() {
  const { url, session } = await serve({ servers: SERVER_NAMES });
  return { url, token: await session('ceo') };
}

test.each(Object.entries(JUDGED))('the official suite passes for %s', async (revision, judged) => {
  const { url, token } = await endpoint();
  const run = await runSuite(await forwarder(url, token), revision);

  expect(run.exit, run.printed).toBe(0);
  const passed = Object.entries(run.passed).filter(
    ([scenario]) => !VACUOUS.includes(scenario) && !UNDECLARED.test(scenario),
  );
  expect(Object.fromEntries(passed)).toEqual(judged);
  expect(run.violations).toEqual([]);
  expect(run.messages).toBeGreaterThan(LEAST_MESSAGES);
});

test('the suite fails where it is not let in, and where something in front hides a Host that was made up', async () => {
  const { url, token } = await endpoint();
  const stranger = await runSuite(await forwarder(url, 'mw_nobody'), '2025-11-25');
  expect(stranger.exit).not.toBe(0);
  expect(stranger.passed).toEqual({ 'dns-rebinding-protection': 1 });
  expect(stranger.messages, 'its own requests').toBeLessThan(LEAST_MESSAGES / 4);

  const hiding = await forwarder(url, token, (raw) =>
    raw.map((value, index) => (/^(host|origin)$/i.test(raw[index - 1] ?? '') ? 'localhost' : value)),
  );
  const fooled = await runSuite(hiding, '2025-11-25');
  expect(fooled.exit).not.toBe(0);
  expect(fooled.printed).toMatch(/✗ dns-rebinding-protection/);
});
