import { mkdir, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { LaunchInput } from './port.ts';

/** Everything else of the runner's environment stays with the runner: tokens, agents' sockets, options of Node. */
const PLAIN = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR'];
/** How this machine reaches the network; without them a host behind a proxy reaches no provider. */
const NETWORK = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
const CERTIFICATES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/**
 * The environment of a host: a home of its own, and of the runner's variables only the named ones. The host's own
 * credentials are among `names` or in the file that `shareLogin` links.
 */
export async function scrubbed(
  input: LaunchInput,
  names: readonly string[],
): Promise<Record<string, string>> {
  const { env, choice, folder } = input;
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const wanted = [...PLAIN, ...NETWORK, ...CERTIFICATES, ...names, ...choice.host.passes];
  const key = choice.host.key_env;
  const kept = [...wanted, ...(key ? [key] : [])].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), HOME: home };
}

/** Lets a run use the person's own login: a link to that one file, so that a renewed token is renewed for both. */
export async function shareLogin(env: LaunchInput['env'], from: string, to: string): Promise<void> {
  await symlink(join(env.HOME ?? homedir(), from), to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
