import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** What an attack in the corpus of others leaves behind when it works. */
const OF_OTHERS = ['/tmp/blns.fail', '/tmp/blns.shellshock1.fail', '/tmp/blns.shellshock2.fail'];

/** Files, an environment variable and a port that nothing a tool is given may lead to. */
export interface Canaries {
  /** A folder that must stay as it is; attacks write to, delete from and read from it. */
  readonly folder: string;
  /** A file in it whose text must come up nowhere. */
  readonly secretFile: string;
  /** The name of a variable of this process whose value must come up nowhere. */
  readonly variable: string;
  readonly port: number;
  /** Which secret this text gives away, if any. */
  leak(text: string): string | undefined;
  /** What the attacks reached: nothing, or a line each. */
  sung(): Promise<string[]>;
  /** The files below `home` that hold a secret. */
  leakedInto(home: string): Promise<string[]>;
}

/** Puts canaries where attacks look for something; they go with the test. */
export async function setCanaries(): Promise<Canaries> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-canary-'));
  const secretFile = join(folder, 'id_ed25519');
  const variable = 'MILLWRIGHT_CANARY';
  const secrets = {
    file: `canary-${randomBytes(12).toString('hex')}`,
    environment: randomBytes(16).toString('hex'),
  };
  await writeFile(secretFile, secrets.file);
  await mkdir(join(folder, 'inner'));
  await writeFile(join(folder, 'inner', 'kept'), 'kept');
  await symlink(secretFile, join(folder, 'link'));
  process.env[variable] = secrets.environment;
  let visitors = 0;
  const listener = createServer((socket) => {
    visitors += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const before = await contentOf(folder);
  const theirs = OF_OTHERS.filter((path) => existsSync(path));
  onTestFinished(async () => {
    delete process.env[variable];
    listener.close();
    await rm(folder, { recursive: true, force: true });
  });
  const leak = (text: string) => Object.entries(secrets).find(([, secret]) => text.includes(secret))?.[0];
  return {
    folder,
    secretFile,
    variable,
    port: (listener.address() as AddressInfo).port,
    leak,
    async sung() {
      const now = await contentOf(folder);
      return [
        ...(now === before ? [] : [`the folder of canaries was ${before} and is ${now}`]),
        ...OF_OTHERS.filter((path) => existsSync(path) && !theirs.includes(path)),
        ...(visitors > 0 ? [`${visitors} connections to the canary's port`] : []),
      ];
    },
    async leakedInto(home) {
      const files = (await readdir(home, { recursive: true, withFileTypes: true })).filter((one) =>
        one.isFile(),
      );
      const found: string[] = [];
      for (const file of files) {
        const path = join(file.parentPath, file.name);
        const what = leak(await readFile(path, 'latin1').catch(() => ''));
        if (what) found.push(`${path} holds the secret of the ${what}`);
      }
      return found;
    },
  };
}

/** Every name below the folder, and what its files say. */
async function contentOf(folder: string): Promise<string> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = all.map(async (one) => {
    const path = join(one.parentPath, one.name);
    return `${path} ${one.isFile() ? await readFile(path, 'utf8') : ''}`;
  });
  return (await Promise.all(lines)).sort().join('\n');
}
