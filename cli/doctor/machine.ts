import { statfs } from 'node:fs/promises';
import { execa } from 'execa';
import { type Isolation, openSandbox } from '../../servers/core/sandbox/sandbox.ts';
import { EXIT } from '../failures.ts';
import { type Finding, fault, note, ok } from './finding.ts';

const LEAST_FREE = 500_000_000;
const RANK: Record<Isolation, number> = { full: 2, partial: 1, none: 0 };

export function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return ok('node', `Node ${process.versions.node}`);
  return fault(
    'node',
    `Node ${process.versions.node} is too old`,
    'Install Node 22.12 or newer.',
    EXIT.notSetUp,
  );
}

export async function checkGit(): Promise<Finding> {
  const result = await execa('git', ['--version'], { reject: false, timeout: 10_000 });
  if (result.exitCode === 0) return ok('git', result.stdout);
  return fault('git', 'git does not run', 'Install git: https://git-scm.com/downloads', EXIT.notSetUp);
}

/** What this machine really contains project code with, against what the factory asks for. */
export async function checkSandbox(needed: Isolation): Promise<Finding> {
  const { isolation, engine } = await openSandbox({ accept: 'none' });
  const says = `isolation ${isolation} (${engine})`;
  if (RANK[isolation] < RANK[needed]) {
    const remedy =
      'Install bubblewrap, or allow unprivileged user namespaces; or sign a definition that accepts less.';
    return fault(
      'sandbox',
      `${says}; the factory asks for ${needed}, so no gate can run`,
      remedy,
      EXIT.notSetUp,
    );
  }
  if (isolation === 'full') return ok('sandbox', says);
  return note('sandbox', `${says}: project code can reach more than it should`, 'Install bubblewrap.');
}

export async function checkDisk(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const says = `${Math.floor(free / 1e6)} MB free`;
  if (free >= LEAST_FREE) return ok('disk', says);
  return fault('disk', says, 'Free some space: the store must be able to grow.', EXIT.notSetUp);
}
