import { spawn } from 'node:child_process';
import { test } from 'node:test';

const stay = `const { appendFileSync } = require('node:fs');
const end = Date.now() + 60_000;
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});
setInterval(() => {
  try { appendFileSync('left-behind.txt', '.'); } catch {}
  if (Date.now() > end) process.exit();
}, 200);`;

test('starts what it does not end', () => {
  spawn(process.execPath, ['-e', stay, 'left-behind-4a7c'], { detached: true, stdio: 'ignore' }).unref();
});
