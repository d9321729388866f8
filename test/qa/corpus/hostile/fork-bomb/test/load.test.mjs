import { spawn } from 'node:child_process';
import { test } from 'node:test';

const GENERATIONS = 11;

test('carries load', async () => {
  const child = `const { spawn } = require('node:child_process');
    const left = Number(process.argv[1]);
    if (left > 0) for (const _ of [1, 2]) spawn(process.execPath, ['-e', process.env.BOMB, String(left - 1)], { stdio: 'ignore' }).on('error', () => {});
    setTimeout(() => {}, 30_000);`;
  const options = { stdio: 'ignore', env: { ...process.env, BOMB: child } };
  await new Promise((resolve) => spawn(process.execPath, ['-e', child, String(GENERATIONS)], options).on('close', resolve));
});
