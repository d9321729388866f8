import { symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('leaves its mark', () => {
  try {
    symlinkSync('/etc', 'config');
  } catch {}
  const written = [homedir(), '/tmp', '..', '../..', 'config', '/var/tmp'].filter((folder) => {
    try {
      writeFileSync(join(folder, 'outside-4a7c.txt'), 'was here\n');
      return true;
    } catch {
      return false;
    }
  });
  console.log(`>>>${JSON.stringify(written)}<<<`);
});
