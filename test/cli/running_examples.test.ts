import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { send } from '../core/served.ts';
import { buildOnce, LAUNCHER, openDesk, ROOT } from './command.ts';

beforeAll(buildOnce);

/** What a server takes to end: running calls have ten seconds. */
const LONGEST_END_S = 10;
const text = readFileSync(join(ROOT, 'docs', 'running.md'), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, block = '']) => block);

interface Compose {
  services: Record<string, { command: string[]; environment: object; stop_grace_period: string }>;
  configs: { caddy: { content: string } };
}

test('the compose example starts servers that its proxy finds healthy, and that end in the time they are given', async () => {
  const { services, configs } = parse(blocks('yaml')[0] ?? '', { merge: true }) as Compose;
  const desk = await openDesk();
  await desk.run(['init']);
  const { one, two } = services;
  if (!one || !two) throw new Error('there are not two servers');
  const [program, ...args] = one.command;
  expect([program, two.command]).toEqual(['millwright', one.command]);
  expect(Object.keys(one.environment)).toEqual(['MILLWRIGHT_HOME', 'DATABASE_URL']);
  const up = execa(process.execPath, [LAUNCHER, ...args, '--port', '0', '--json'], {
    cwd: desk.repository,
    env: { MILLWRIGHT_HOME: desk.home },
    reject: false,
  });
  const { url } = await new Promise<{ url: string }>((resolve, reject) => {
    up.stdout.once('data', (chunk) => resolve(JSON.parse(String(chunk))));
    up.then(({ stderr }) => reject(new Error(`it ended: ${stderr}`)));
  });

  const said = configs.caddy.content;
  const [, path = ''] = /health_uri (\S+)/.exec(said) ?? [];
  const [, host = ''] = /Host (\S+)/.exec(said) ?? [];
  const seen = async (Host: string) => (await send(url, path, { method: 'GET', headers: { Host } })).status;
  expect(await seen(host)).toBe(200);
  expect(await seen('one:8930'), 'why the example names a Host').toBe(403);
  expect(Object.keys(services).filter((name) => said.includes(`${name}:8930`))).toEqual(['one', 'two']);

  up.kill('SIGTERM');
  expect((await up).exitCode).toBe(0);
  for (const { stop_grace_period } of [one, two])
    expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(LONGEST_END_S);
});

test('the systemd units give `up` options that it has, and the time that it needs to end', async () => {
  const desk = await openDesk();
  const { stdout: help } = await desk.say(['up', '--help']);
  const { stdout: whole } = await desk.say(['--help']);
  const units = blocks('ini').map((unit) => new Map(unit.split('\n').map((line) => pair(line))));

  expect(units).toHaveLength(2);
  for (const unit of units) {
    const [program, ...args] = unit.get('ExecStart')?.split(' ') ?? [];
    expect(program).toBe('/usr/bin/millwright');
    const at = args.indexOf('up');
    const options = (of: string[]) => of.filter((arg) => arg.startsWith('--'));
    for (const option of options(args.slice(0, at))) expect(whole).toContain(`${option} `);
    for (const option of options(args.slice(at))) expect(help).toContain(`${option} `);
    expect(Number(unit.get('TimeoutStopSec'))).toBeGreaterThan(LONGEST_END_S);
    // Without a certificate SIGHUP ends the server.
    expect(unit.has('ExecReload')).toBe(args.includes('--tls-cert'));
  }
});

const pair = (line: string) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)] as const;
