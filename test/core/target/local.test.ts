import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runtimeHolder } from '../../../servers/core/target/local/claim.ts';
import {
  openLocalTarget,
  reapLocalRuntime,
  stopLocalRuntime,
} from '../../../servers/core/target/local/local.ts';
import { isRunning } from '../../../servers/core/target/local/processes.ts';
import { ended } from '../../../servers/core/target/local/reap.ts';
import { readRuntimeInfo } from '../../../servers/core/target/local/runtime_info.ts';
import type { Target } from '../../../servers/core/target/target.ts';
import { all, answer, laterMigration, notes, stateFolder, workerdOf } from './workers.ts';

async function provisioned(dir: string): Promise<Target> {
  const target = await openLocalTarget({ dir });
  await target.ensure({ kind: 'worker', name: 'notes' });
  await target.ensure({ kind: 'd1', name: 'notes' });
  return target;
}

async function released(target: Target, version = '1.0.0'): Promise<string> {
  await target.upload(notes(version));
  await target.migrate('notes', version);
  return (await target.split('notes', all(version))).url;
}

/** Ends the runtime without a chance to clean up; returns the workerd processes that it leaves. */
async function killRuntime(dir: string): Promise<number[]> {
  const info = await readRuntimeInfo(dir);
  if (!info) throw new Error('no runtime is running');
  process.kill(info.pid, 'SIGKILL');
  await ended(info);
  return info.workerd.map(({ pid }) => pid);
}

test('a resource is created once, whoever asks and however often, and adopted afterwards', async () => {
  const dir = await stateFolder();
  const target = await openLocalTarget({ dir });

  const answers = await Promise.all(
    Array.from({ length: 20 }, () => target.ensure({ kind: 'd1', name: 'notes' })),
  );

  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  expect(new Set(answers.map(({ resource }) => resource.id)).size).toBe(1);
  expect(await (await openLocalTarget({ dir })).resources()).toEqual([answers[0]?.resource]);
  await expect(target.ensure({ kind: 'd1', name: '../../etc' })).rejects.toThrow("can't name a product");
  await expect(target.ensure({ kind: 'd1', name: '; rm -rf /' })).rejects.toThrow("can't name a product");
});

test('an upload must hash to what it was announced as, and a version never changes', async () => {
  const target = await provisioned(await stateFolder());
  const version = notes('1.0.0');
  const [file] = version.files;

  await expect(target.upload({ ...version, bundle: '0'.repeat(64) })).rejects.toThrow('digest');
  await expect(
    target.upload({ ...version, files: [{ path: 'index.js', bytes: Buffer.from(`${file?.bytes} `) }] }),
  ).rejects.toThrow('digest');
  await expect(
    target.upload({ ...version, files: [{ path: '../index.js', bytes: Buffer.from('') }] }),
  ).rejects.toThrow('no path for a file');
  await target.upload(version);
  await target.upload(version);
  await expect(target.upload(notes('1.0.0', { script: 'export default {}' }))).rejects.toMatchObject({
    code: 'CONFLICT',
  });
});

test('a version that names a resource nobody provisioned is refused', async () => {
  const target = await openLocalTarget({ dir: await stateFolder() });
  await target.upload(notes('1.0.0'));

  await expect(target.split('notes', all('1.0.0'))).rejects.toThrow('The Worker notes does not exist');
  await target.ensure({ kind: 'worker', name: 'notes' });
  await expect(target.migrate('notes', '1.0.0')).rejects.toThrow('The database notes does not exist');
  await expect(target.split('notes', all('2.0.0'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await target.serving('notes')).toBeNull();
});

test('serves a version, then the next, then the first again, on one address and with the data kept', async () => {
  const target = await provisioned(await stateFolder());
  await target.upload(notes('1.0.0'));
  const added = laterMigration('0002_mood.sql', 'ALTER TABLE note ADD COLUMN mood TEXT;');
  await target.upload(notes('2.0.0', { migrations: added }));

  expect(await target.migrate('notes', '1.0.0')).toEqual(['0001_note.sql']);
  expect(await target.migrate('notes', '1.0.0')).toEqual([]);
  const { url } = await target.split('notes', all('1.0.0'));
  expect(await answer(url, 'POST')).toBe('200 1.0.0 2');

  expect(await target.migrate('notes', '2.0.0')).toEqual(['0002_mood.sql']);
  expect(await target.split('notes', all('2.0.0'))).toEqual({ url });
  expect(await answer(url)).toBe('200 2.0.0 2');

  expect(await target.migrate('notes', '1.0.0')).toEqual([]);
  await target.split('notes', all('1.0.0'));
  expect(await answer(url)).toBe('200 1.0.0 2');
  expect(await target.serving('notes')).toEqual({ shares: all('1.0.0'), url });

  await target.retire('notes');
  expect(await target.serving('notes')).toBeNull();
  await expect(fetch(url)).rejects.toThrow();
  expect(await target.split('notes', all('2.0.0'))).toEqual({ url });
});

test('a migration that fails leaves nothing behind, and a version that does not start changes nothing', async () => {
  const target = await provisioned(await stateFolder());
  const url = await released(target);
  const broken = laterMigration('0002_broken.sql', 'DELETE FROM note; INSERT INTO absent VALUES (1);');
  await target.upload(notes('2.0.0', { migrations: broken }));
  await target.upload(notes('3.0.0', { script: 'throw new Error("at once");' }));

  await expect(target.migrate('notes', '2.0.0')).rejects.toThrow(/0002_broken\.sql.*no such table: absent/);
  await expect(target.migrate('notes', '2.0.0')).rejects.toThrow('0002_broken.sql');
  expect(await answer(url)).toBe('200 1.0.0 1');
  await expect(target.split('notes', all('3.0.0'))).rejects.toMatchObject({ code: 'UPSTREAM' });
  expect(await answer(url)).toBe('200 1.0.0 1');
  expect(await target.serving('notes')).toEqual({ shares: all('1.0.0'), url });
});

test('a Worker has no way to the outside', async () => {
  const outside = createServer((_request, response) => response.end('outside')).listen(0, '127.0.0.1');
  onTestFinished(() => void outside.close());
  await once(outside, 'listening');
  const { port } = outside.address() as AddressInfo;
  const url = await released(await provisioned(await stateFolder()));

  expect(await answer(`http://127.0.0.1:${port}`)).toBe('200 outside');
  expect(await answer(`${url}/fetch?port=${port}`)).toMatch(/^200 403 /);
  expect(await answer(`${url}/connect?port=${port}`)).toBe('200 refused');
});

test('two processes that start the runtime at once get one', async () => {
  const dir = await stateFolder();
  await released(await provisioned(dir));
  await stopLocalRuntime(dir);
  const source = `
    import { openLocalTarget } from ${JSON.stringify(import.meta.resolve('../../../servers/core/target/local/local.ts'))};
    const target = await openLocalTarget({ dir: process.argv[1] });
    await new Promise((start) => setTimeout(start, Number(process.argv[2]) - Date.now()));
    console.log(JSON.stringify(await target.serving('notes')));
    process.exit(0);`;
  const barrier = String(Date.now() + 500);

  const both = await Promise.all(
    [1, 2].map(() => execa(process.execPath, ['--input-type=module', '--eval', source, dir, barrier])),
  );

  const [first, second] = both.map(({ stdout }) => JSON.parse(stdout));
  expect(first).toEqual(second);
  expect(await answer(first.url)).toBe('200 1.0.0 1');
  expect(await workerdOf(dir)).toHaveLength(1);
});

test('a killed runtime leaves workerd behind until it is reaped; the next one serves the same again', async () => {
  const [dir, temporary] = [await stateFolder(), await stateFolder()];
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const target = await provisioned(dir);
  const url = await released(target);
  await answer(url, 'POST');
  expect(await reapLocalRuntime(dir)).toEqual([]);

  const orphans = await killRuntime(dir);
  expect(await runtimeHolder(dir)).toBeNull();
  expect(await workerdOf(dir)).toEqual(orphans);
  expect(await reapLocalRuntime(dir)).toEqual(orphans);
  expect(await workerdOf(dir)).toEqual([]);
  expect(await target.serving('notes')).toEqual({ shares: all('1.0.0'), url });
  expect(await answer(url)).toBe('200 1.0.0 2');

  const [orphan] = await killRuntime(dir);
  expect(await target.serving('notes')).toEqual({ shares: all('1.0.0'), url });
  expect(await answer(url)).toBe('200 1.0.0 2');
  expect(await workerdOf(dir)).not.toContain(orphan);

  await stopLocalRuntime(dir);
  expect(await readdir(temporary)).toEqual([]);
  expect(await readdir(dir)).toEqual([
    'active.json',
    'bundles',
    'claims',
    'data',
    'resources',
    'runtime.log',
    'versions',
  ]);
});

test('an order whose runtime dies is given to the next', async () => {
  const dir = await stateFolder();
  const target = await provisioned(dir);
  const url = await released(target);
  const info = await readRuntimeInfo(dir);
  process.kill(info?.pid ?? Number.NaN, 'SIGKILL');

  expect(await target.split('notes', all('1.0.0'))).toEqual({ url });
});

test('stop leaves no process, and a state folder with a very long path works too', async () => {
  const dir = await stateFolder(`target-${'long'.repeat(30)}-`);
  const target = await provisioned(dir);
  const url = await released(target);
  const info = await readRuntimeInfo(dir);
  if (!info) throw new Error('no runtime');
  expect(await workerdOf(dir)).toEqual(info.workerd.map(({ pid }) => pid));
  expect(info.socket.startsWith(dir)).toBe(false);
  expect(existsSync(info.socket)).toBe(true);

  expect(await stopLocalRuntime(dir)).toBe(true);
  expect(await Promise.all([info, ...info.workerd].map(isRunning))).toEqual([false, false]);
  expect(await workerdOf(dir)).toEqual([]);
  expect(existsSync(dirname(info.socket))).toBe(false);
  await expect(fetch(url)).rejects.toThrow();
  expect(await stopLocalRuntime(dir)).toBe(false);
});
