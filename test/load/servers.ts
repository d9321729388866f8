import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';

const LAUNCHER = fileURLToPath(new URL('../../bin/millwright.cjs', import.meta.url));

/** A `millwright up` of the built program. */
export class Server {
  url: string | undefined;
  readonly #env: NodeJS.ProcessEnv;
  #process: (Pick<ResultPromise, 'kill' | 'pid'> & PromiseLike<unknown>) | undefined;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Starts it on a free port; resolves when it serves. */
  async start(): Promise<void> {
    const up = execa(process.execPath, [LAUNCHER, 'up', '--port', '0', '--json'], {
      env: this.#env,
      extendEnv: false,
      reject: false,
      stderr: 'ignore',
      buffer: false,
    });
    this.#process = up;
    const ended = up.then(({ exitCode }) => {
      throw new Error(`millwright up ended with ${exitCode}.`);
    });
    const first = new Promise<string>((resolve) => up.stdout.once('data', (line) => resolve(String(line))));
    const said = await Promise.race([first, ended]);
    this.url = (JSON.parse(said) as { url?: string }).url;
    if (!this.url) throw new Error(`millwright up: ${said}`);
    ended.catch(() => {});
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.url = undefined;
    this.#process?.kill(signal);
    await this.#process;
  }

  /** Resident memory in megabytes. */
  async megabytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#process?.pid}/status`, 'utf8').catch(() => '');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  }
}
