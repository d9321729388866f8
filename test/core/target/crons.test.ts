import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runCrons } from '../../../servers/core/target/local/crons.ts';
import { usablePort } from '../../../servers/core/target/local/ports.ts';
import { type Site, workerdOptions } from '../../../servers/core/target/local/workerd_options.ts';
import { versionOf } from './cloudflare_version.ts';

const MINUTE = 60_000;
/** Noon of a Saturday, UTC. */
const NOON = Date.UTC(2026, 10, 21, 12);

const script = (name: string) => `export default {
  async scheduled({ cron, scheduledTime }, env) {
    if (cron === '1 12 * * *') throw new Error('as it should');
    await env.RUNS.put([cron, scheduledTime, '${name}'].join(' | '), '');
  },
  async fetch(request, env) {
    return Response.json((await env.RUNS.list()).keys.map(({ name }) => name));
  },
};`;

function scheduled(name: string, crons: string[]) {
  const files = [{ path: 'index.js', bytes: Buffer.from(script(name)) }];
  return versionOf(name, { crons, kv: [{ binding: 'RUNS', namespace: 'runs' }] }, { files });
}

test('a cron calls the handler of the leading version in workerd, at its minute and at no other', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millwright-crons-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'tmp'));
  const [port, one, two] = [await usablePort(), await usablePort(), await usablePort()];
  const site: Site = {
    product: 'shop',
    port,
    shares: [
      { version: 'R1', percent: 90 },
      { version: 'R2', percent: 10 },
    ],
    loaded: [
      { version: scheduled('R1', ['0 12 * * *', '*/5 * * * SAT', '30 12 * * *', '1 12 * * *']), port: one },
      { version: scheduled('R2', ['* * * * *']), port: two },
    ],
  };
  const said: string[] = [];
  const resources = [{ kind: 'kv', name: 'runs', id: 'runs', createdAt: 0 } as const];
  const ground = { dir, owner: 'test', control: 'control', resources, onLog: () => {} };
  const miniflare = new Miniflare(workerdOptions(ground, [site]));
  onTestFinished(() => miniflare.dispose());
  await miniflare.ready;

  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: NOON - MINUTE / 2 });
  const stop = runCrons(
    miniflare,
    () => [site],
    (line) => said.push(line),
  );
  vi.advanceTimersByTime(2 * MINUTE);
  stop();
  vi.advanceTimersByTime(10 * MINUTE);
  vi.useRealTimers();

  const runs = async () => (await fetch(`http://127.0.0.1:${one}/`)).json();
  const at = NOON;
  await expect
    .poll(runs, { timeout: 20_000 })
    .toEqual([`*/5 * * * SAT | ${at} | R1`, `0 12 * * * | ${at} | R1`]);
  await expect.poll(() => said).toEqual(['error shop 1 12 * * *: it ended with exception']);
});
