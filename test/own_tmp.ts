import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/**
 * Each test file has a temporary folder to itself: `doctor` looks for what killed processes left in that of its
 * machine, and must find there only what its own test left. Other users may pass through it, as PostgreSQL does.
 */
process.env.SHARED_TMPDIR ??= tmpdir();
const own = mkdtempSync(join(process.env.SHARED_TMPDIR, 'mw-'));
chmodSync(own, 0o711);
process.env.TMPDIR = own;

afterAll(() => rmSync(own, { recursive: true, force: true, maxRetries: 3 }));
