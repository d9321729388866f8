import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FoundBrowser } from '../../../servers/qa/page/launch.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const packed = dirname(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')));

/**
 * The Chromium that comes from npm, with the libraries it carries: what a machine without any browser tests with.
 * Unpacked once, beside the installed packages.
 */
export async function carriedChromium(): Promise<FoundBrowser> {
  const folder = join(root, 'node_modules', '.cache', 'millwright-chromium');
  if (!existsSync(folder)) await unpack(folder);
  return { executable: join(folder, 'chromium'), libraries: join(folder, 'al2023', 'lib') };
}

async function unpack(folder: string): Promise<void> {
  const draft = `${folder}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  const before = process.env.TMPDIR;
  process.env.TMPDIR = draft;
  try {
    const { inflate } = await import('@sparticuz/chromium');
    for (const file of ['chromium.br', 'al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br'])
      await inflate(join(packed, 'bin', file));
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  for (const file of ['', 'chromium']) await chmod(join(draft, file), 0o755);
  await rename(draft, folder).catch(() => rm(draft, { recursive: true, force: true }));
}
