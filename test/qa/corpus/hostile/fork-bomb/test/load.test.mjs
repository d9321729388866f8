import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const GENERATIONS = '9';

test('carries load', async () => {
  const bomb = fileURLToPath(new URL('bomb.sh', import.meta.url));
  await new Promise((resolve) => spawn('sh', [bomb, GENERATIONS], { stdio: 'ignore' }).on('close', resolve));
});
