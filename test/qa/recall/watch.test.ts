import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { canary, leftFiles, leftProcesses, listening, peakMemory } from './watch.ts';

async function room(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'watch-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a call to a watched port is seen, and only that', async () => {
  const ports = await listening();
  onTestFinished(ports.close);
  expect(ports.called()).toEqual([]);
  const port = ports.open.at(-1) ?? 0;
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'data');
  socket.destroy();
  expect(ports.called()).toEqual([port]);
});

test('a canary is seen in a text and in any file of a folder', async () => {
  const folder = await room();
  const { env, seenIn } = await canary(folder);
  const out = join(folder, 'out');
  await mkdir(join(out, 'pages'), { recursive: true });
  expect(await seenIn(['nothing', out])).toEqual([]);
  expect(await seenIn([`it is ${env.DEPLOY_TOKEN}`])).toHaveLength(1);
  await writeFile(join(out, 'pages', 'a.html'), `<p>${env.DEPLOY_TOKEN}</p>`);
  expect(await seenIn([out])).toHaveLength(1);
});

test('a file outside and a process that stays are seen', async () => {
  const folder = await room();
  expect(await leftFiles('outside-of-test.txt', [folder])).toEqual([]);
  await writeFile(join(folder, 'outside-of-test.txt'), '');
  expect(await leftFiles('outside-of-test.txt', [folder])).toEqual([join(folder, 'outside-of-test.txt')]);
  const word = `stays-${process.pid}`;
  expect(await leftProcesses([word])).toEqual([]);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', word], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  await expect.poll(() => leftProcesses([word])).toEqual([word]);
  const memory = peakMemory();
  memory.watch(child.pid ?? 0);
  await expect.poll(memory.peak, { timeout: 5_000 }).toBeGreaterThan(1_000_000);
});
