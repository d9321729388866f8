import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { SHARED_TMPDIR } from './shared_tmp.ts';

/**
 * Each test file has a temporary folder to itself: `doctor` looks for what killed processes left in that of its
 * machine, and must find there only what its own test left. Other users may pass through it, as PostgreSQL does.
 */
process.env.SHARED_TMPDIR = SHARED_TMPDIR;
const own = mkdtempSync(join(SHARED_TMPDIR, 'mw-'));
chmodSync(own, 0o711);
process.env.TMPDIR = own;

afterAll(() => rmSync(own, { recursive: true, force: true, maxRetries: 3 }));
