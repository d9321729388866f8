import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { SandboxResult, SandboxRun } from '../../../servers/core/sandbox/sandbox.ts';

/** What the server process of `server.ts` offers to be attacked. */
export interface Decoy {
  pid: number;
  port: number;
  socketPath: string;
  abstractName: string;
  secretFile: string;
  folder: string;
}

/** One engine, in a server process of the right user. */
export interface Mode {
  decoy: Decoy;
  uid: number;
  run(run: Omit<SandboxRun, 'signal'>, more?: { abort: Promise<unknown> }): Promise<SandboxResult>;
  /** Runs a command outside any sandbox as the server's user: the positive control. */
  outside(command: string[]): Promise<string>;
  workFolder(files?: Record<string, string>): Promise<string>;
  killServer(): void;
  close(): void;
}

const NOBODY = 65534;
const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));

/** Starts an engine as the user it is for, or says why this machine can't. */
export async function openMode(engine: string): Promise<Mode | string> {
  const root = process.getuid?.() === 0;
  const asRoot = engine.endsWith('root') || engine === 'own-uid';
  if (asRoot && !root) return 'needs root';
  const uid = root && !asRoot ? NOBODY : (process.getuid?.() ?? 0);
  const become =
    uid === process.getuid?.() ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const folder = await mkdtemp(join(tmpdir(), 'millwright-mode-'));
  await chown(folder, uid, uid);
  // own-uid has no mounts: the run walks the host's path
  if (engine === 'own-uid') await execa('chmod', ['711', folder]);

  const leak = join(folder, 'leaked-by-descriptor');
  await writeFile(leak, 'decoy');
  const leaked = openSync(leak, 'r');
  const [file = '', ...args] = [...become, process.execPath, SERVER, engine, folder];
  const env = { PATH: process.env['PATH'] ?? '', DECOY_SECRET: 'decoy' };
  const inherited = new Array(20).fill('ignore').concat(leaked);
  const stdio = ['pipe', 'pipe', 'pipe', ...inherited] as unknown as ['pipe', 'pipe', 'pipe'];
  const server = execa(file, args, { env, extendEnv: false, stdio, buffer: false, reject: false });
  closeSync(leaked);

  const waiting = new Map<number, { done(result: SandboxResult): void; fail(error: Error): void }>();
  const opened = Promise.withResolvers<Decoy | string>();
  createInterface(server.stdout).on('line', (line) => {
    const said = JSON.parse(line);
    if (said.decoy) opened.resolve(said.decoy);
    if (said.unavailable) opened.resolve(said.unavailable);
    if (said.result) waiting.get(said.id)?.done(said.result);
    if (said.error) waiting.get(said.id)?.fail(new Error(said.error));
  });
  let stderr = '';
  server.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  server.nodeChildProcess.once('exit', () => opened.resolve(`the server did not start: ${stderr}`));
  const decoy = await opened.promise;
  if (typeof decoy === 'string') return decoy;

  let next = 0;
  return {
    decoy,
    uid,
    run(run, more) {
      const id = ++next;
      server.stdin.write(`${JSON.stringify({ id, run })}\n`);
      more?.abort.then(() => server.stdin.write(`${JSON.stringify({ id })}\n`));
      return new Promise((done, fail) => waiting.set(id, { done, fail }));
    },
    async outside(command) {
      const [program = '', ...rest] = [...become, ...command];
      return (await execa(program, rest)).stdout;
    },
    async workFolder(files = {}) {
      const work = await mkdtemp(join(folder, 'work-'));
      for (const [name, text] of Object.entries(files)) {
        await mkdir(join(work, name, '..'), { recursive: true });
        await writeFile(join(work, name), text);
      }
      await execa('chown', ['-R', `${uid}:${uid}`, work]);
      if (engine === 'own-uid') await execa('chmod', ['755', work]);
      return work;
    },
    killServer: () => process.kill(decoy.pid, 'SIGKILL'),
    close() {
      server.stdin.end();
      server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** How many live processes of the whole machine have `mark` in their command line. */
export function processesWith(mark: string): number {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(mark)).length;
}

function commandLine(pid: string): string {
  try {
    return existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/cmdline`, 'latin1') : '';
  } catch {
    return '';
  }
}
