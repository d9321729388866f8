import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostBinary } from './binaries.ts';
import { trustCodexHooks } from './codex_trust.ts';
import { type HostDesk, openHostDesk } from './desk.ts';

let desk: HostDesk;
let path: string;
beforeAll(async () => {
  desk = await openHostDesk();
  const folders = [await hostBinary('claude-code'), await hostBinary('codex')].map((file) => dirname(file));
  path = [...folders, desk.person.env.PATH].join(':');
});
afterAll(() => desk.close());

/** The faults of the hosts, by check. */
async function faults(host: string): Promise<string[]> {
  const { stdout } = await desk.millwright(['doctor', '--host', host, '--json'], path);
  const { findings }: { findings: { check: string; state: string; remedy?: string }[] } = JSON.parse(stdout);
  const ofHosts = findings.slice(findings.findIndex(({ check }) => check === 'host files'));
  expect(ofHosts.length).toBeGreaterThan(4);
  const bad = ofHosts.filter(({ state }) => state === 'fault');
  expect(bad.filter(({ remedy }) => !remedy)).toEqual([]);
  return bad.map(({ check }) => check);
}

it('says of Codex which hooks the person has not trusted, and is content once they are', async () => {
  expect(await faults('codex')).toEqual(['codex hooks']);
  await trustCodexHooks(desk.person, desk.repository);
  expect(await faults('both')).toEqual([]);
});

it('finds a folder that is not trusted, a guard that is off, and a sub-agent that reaches too far', async () => {
  const edit = async (file: string, change: (text: string) => string, run: () => Promise<void>) => {
    const text = await readFile(file, 'utf8');
    await writeFile(file, change(text));
    await run();
    await writeFile(file, text);
  };
  const settings = join(desk.repository, '.claude', 'settings.local.json');
  const off = (text: string) => text.replace('"disableAllHooks": false', '"disableAllHooks": true');
  await edit(settings, off, async () => expect(await faults('claude-code')).toEqual(['host files', 'hooks']));

  const developer = join(desk.repository, '.claude', 'agents', 'millwright-developer.md');
  const open = (text: string) => text.replace(/^tools: .*\n/m, '');
  await edit(developer, open, async () =>
    expect(await faults('claude-code')).toEqual(['host files', 'millwright-developer']),
  );

  const claude = join(desk.person.home, '.claude.json');
  const untrusted = (text: string) =>
    text.replace(/"hasTrustDialogAccepted":\s*true/, '"hasTrustDialogAccepted":false');
  await edit(claude, untrusted, async () =>
    expect(await faults('claude-code')).toEqual([
      'trust',
      'millwright-developer',
      'millwright-developer-2',
      'millwright-reviewer',
      'millwright-qa',
    ]),
  );
});

it('says what is missing where a host is not installed', async () => {
  const { stdout, exit } = await desk.millwright(['doctor', '--host', 'claude-code', '--json']);
  const findings: { check: string; remedy?: string }[] = JSON.parse(stdout).findings;
  expect(findings.find(({ check }) => check === 'claude')?.remedy).toMatch(/npm install -g/);
  expect(exit).toBe(3);
});
