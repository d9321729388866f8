import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { execa } from 'execa';

/** The pinned hosts that the tests drive: the newest Claude Code, an older one, and Codex. */
export const HOSTS = {
  'claude-code': '2.1.328',
  'claude-code-older': '2.1.197',
  codex: '0.169.0',
} as const;

export type HostName = keyof typeof HOSTS;

const INSTALL_MS = 300_000;
const INSTALL_FLAGS = [
  '--ignore-scripts',
  '--include=optional',
  '--no-audit',
  '--no-fund',
  '--no-save',
  '--loglevel=error',
];

/**
 * The absolute path of a host's native program at its pinned version. Installs it once, into a cache folder of the
 * user outside the repository; several processes may ask at the same time.
 * Throws where the registry can't be reached or has no program for this machine.
 */
export async function hostBinary(host: HostName): Promise<string> {
  const name = host === 'codex' ? '@openai/codex' : '@anthropic-ai/claude-code';
  const folder = join(cacheFolder(), `${host === 'codex' ? 'codex' : 'claude-code'}@${HOSTS[host]}`);
  if (!existsSync(folder)) await install(`${name}@${HOSTS[host]}`, folder);
  return programIn(folder, name);
}

function cacheFolder(): string {
  const given = process.env.XDG_CACHE_HOME;
  return join(given && isAbsolute(given) ? given : join(homedir(), '.cache'), 'millwright', 'hosts');
}

/** Installs beside the final folder and renames, so that a folder of the final name is always whole. */
async function install(specifier: string, folder: string): Promise<void> {
  const draft = `${folder}.${process.pid}-${Date.now()}.draft`;
  await mkdir(draft, { recursive: true });
  try {
    const args = ['install', '--prefix', draft, ...INSTALL_FLAGS, '--', specifier];
    const { failed, stderr } = await execa('npm', args, { cwd: draft, timeout: INSTALL_MS, reject: false });
    if (failed) {
      throw new Error(`npm could not install ${specifier}. Is the package registry reachable?\n${stderr}`);
    }
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The program lies in a package of its own per platform, beside the package that was asked for. */
async function programIn(folder: string, name: string): Promise<string> {
  const [scope = '', base = ''] = name.split('/');
  const packages = join(folder, 'node_modules', scope);
  const platforms = (await readdir(packages)).filter((entry) => entry.startsWith(`${base}-`));
  for (const platform of platforms) {
    const files = await readdir(join(packages, platform), { recursive: true });
    const program = files.find((file) => /(^|\/)(claude|bin\/codex)$/.test(file));
    if (program) return join(packages, platform, program);
  }
  throw new Error(`${name} has no program for ${process.platform} ${process.arch} in ${packages}.`);
}
