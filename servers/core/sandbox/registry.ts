import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Mount } from './layout.ts';
import { openProxy } from './registry-proxy.ts';
import { SandboxError } from './types.ts';

/** What a run with `network: 'registry'` needs besides its plan. */
export interface RegistryAccess {
  /** Put before the command: a relay from a loopback port inside to the proxy's socket. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  close(): Promise<void>;
}

const INSIDE = '/run/registry';

/**
 * Starts what a contained run reaches the server's npm registry by: a proxy for that one origin on a unix
 * socket in `folder`. Certificates that the server's npm trusts besides the usual ones come along, its
 * credentials do not.
 */
export async function openRegistry(folder: string): Promise<RegistryAccess> {
  const { registry, certificates } = await npmSettings();
  await mkdir(folder);
  const proxy = await openProxy(new URL(registry), join(folder, 'proxy.sock'));
  await chmod(join(folder, 'proxy.sock'), 0o666);
  await writeFile(join(folder, 'ca.pem'), certificates, { mode: 0o644 });
  return {
    command: ['node', '-e', RELAY, '--', `${INSIDE}/proxy.sock`],
    env: registryEnv(registry, certificates === '' ? undefined : `${INSIDE}/ca.pem`),
    mounts: [{ kind: 'bind', from: folder, at: INSIDE }],
    close: proxy.close,
  };
}

/** The same for a run that shares the host's network: only told which registry to use. */
export async function openSharedRegistry(folder: string): Promise<RegistryAccess> {
  const { registry, certificates } = await npmSettings();
  await mkdir(folder);
  await writeFile(join(folder, 'ca.pem'), certificates, { mode: 0o644 });
  const env = registryEnv(registry, certificates === '' ? undefined : join(folder, 'ca.pem'));
  return { command: [], env, mounts: [], close: async () => {} };
}

const registryEnv = (registry: string, ca: string | undefined): Record<string, string> => ({
  npm_config_registry: registry,
  ...(ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }),
});

interface NpmSettings {
  readonly registry: string;
  /** PEM, or empty. */
  readonly certificates: string;
}

/** From the server's own configuration, never a project's: npm is asked at the root folder. */
async function npmSettings(): Promise<NpmSettings> {
  const asked = await execa('npm', ['config', 'list', '--json'], {
    cwd: '/',
    reject: false,
    timeout: 20_000,
  });
  if (asked.exitCode !== 0) throw new SandboxError('npm could not be asked for its registry.');
  const config = JSON.parse(asked.stdout) as { registry: string; cafile: string | null };
  const files = [config.cafile, process.env['NODE_EXTRA_CA_CERTS']].filter(
    (file) => typeof file === 'string',
  );
  const texts = await Promise.all([...new Set(files)].map((file) => readFile(file, 'utf8')));
  return { registry: config.registry, certificates: texts.join('\n') };
}

/** Runs inside: listens on a free loopback port, starts the command with npm pointed at it, ends with it. */
const RELAY = `
const net = require('node:net');
const { spawn } = require('node:child_process');
const [socketPath, file, ...args] = process.argv.slice(1);
const server = net.createServer((near) => {
  const far = net.connect(socketPath);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  near.pipe(far).pipe(near);
});
server.listen(0, '127.0.0.1', () => {
  const proxy = 'http://127.0.0.1:' + server.address().port;
  const env = { ...process.env, npm_config_proxy: proxy, npm_config_https_proxy: proxy };
  const child = spawn(file, args, { stdio: 'inherit', env });
  child.on('error', () => process.exit(127));
  child.on('exit', (code) => process.exit(code ?? 1));
});
`;
