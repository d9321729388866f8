import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa, type ResultPromise } from 'execa';
import { onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Desk, LAUNCHER, ROOT } from '../cli/command.ts';

/** One `millwright up`, as it would run on a machine of its own. */
export interface Machine {
  readonly url: string;
  readonly process: Pick<ResultPromise, 'kill'> & PromiseLike<{ exitCode?: number | undefined }>;
}

export interface Answer {
  isError: boolean;
  text: string;
  value: Record<string, string>;
}

/** A session of one agent, which goes on at the next server when the one it uses does not answer. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  /** Which server it uses now. */
  at(): string;
  call(tool: string, args?: object): Promise<Answer>;
}

/** Longer than any wait of a call, so that only servers that are gone make a session give up. */
const LONGEST_OUTAGE_MS = 30_000;

const environment = (desk: Desk, databaseUrl: string) => ({
  PATH: process.env.PATH ?? '',
  HOME: desk.folder,
  MILLWRIGHT_HOME: desk.home,
  DATABASE_URL: databaseUrl,
});

/** Runs `millwright ARGS --json` on the database, and returns what it printed. */
export async function command(desk: Desk, databaseUrl: string, args: readonly string[]) {
  const ran = await execa(process.execPath, [LAUNCHER, ...args, '--json'], {
    cwd: desk.repository,
    env: environment(desk, databaseUrl),
    extendEnv: false,
    reject: false,
    timeout: 20_000,
  });
  return { exit: ran.exitCode, json: JSON.parse(ran.stdout) };
}

/** Makes the factory `shop` in this database, from the c-suite with this beat in seconds. */
export async function makeFactory(desk: Desk, databaseUrl: string, beat: number): Promise<void> {
  const definition = parse(await readFile(join(ROOT, 'factories', 'c-suite.yaml'), 'utf8'));
  definition.lease.beat = beat;
  const file = join(desk.folder, 'definition', 'factory.yaml');
  await mkdir(join(file, '..'));
  await writeFile(file, stringify(definition));
  const made = await command(desk, databaseUrl, ['init', '--factory', file]);
  if (made.exit !== 0) throw new Error(JSON.stringify(made.json));
}

/** Starts a server on a port of its own, and resolves when it serves. */
export async function startMachine(desk: Desk, databaseUrl: string): Promise<Machine> {
  const up = execa(process.execPath, [LAUNCHER, 'up', '--port', '0', '--json'], {
    cwd: desk.repository,
    env: environment(desk, databaseUrl),
    extendEnv: false,
    reject: false,
  });
  onTestFinished(async () => {
    up.kill('SIGKILL');
    await up;
  });
  const failed = up.then(({ stdout, stderr }) => {
    throw new Error(`up ended: ${stdout}${stderr}`);
  });
  const first = new Promise<string>((resolve) => up.stdout.once('data', (line) => resolve(String(line))));
  const { url } = JSON.parse(await Promise.race([first, failed]));
  failed.catch(() => {});
  return { url, process: up };
}

/** Opens a session at the server `start` of these. */
export async function openSession(
  desk: Desk,
  machines: readonly Machine[],
  agent: string,
  start: number,
): Promise<Session> {
  const file = join(desk.home, 'shop', 'enrolments', `${agent}.json`);
  const enrolment = JSON.parse(await readFile(file, 'utf8')) as { token: string };
  let current = start % machines.length;
  const url = () => machines[current]?.url ?? '';
  const opened = await fetch(new URL('/session', url()), {
    method: 'POST',
    headers: { Authorization: `Bearer ${enrolment.token}` },
  });
  const { id, token } = (await opened.json()) as { id: string; token: string };

  const post = async (body: string): Promise<string> => {
    for (const since = performance.now(); performance.now() - since < LONGEST_OUTAGE_MS; ) {
      try {
        const response = await fetch(url(), {
          method: 'POST',
          headers: {
            Authorization: `Bearer ${token}`,
            'Content-Type': 'application/json',
            Accept: 'application/json, text/event-stream',
          },
          body,
        });
        if (response.status === 200) return await response.text();
        if (response.status !== 503) throw new Answered(`${response.status} ${await response.text()}`);
      } catch (error) {
        if (error instanceof Answered) throw error;
      }
      current = (current + 1) % machines.length;
      await sleep(20);
    }
    throw new Error('No server answers.');
  };
  return {
    id,
    agent,
    at: url,
    async call(tool, args = {}) {
      const params = { name: tool, arguments: args };
      const text = await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
      const { result } = JSON.parse(/^data: (.+)$/m.exec(text)?.[1] ?? text);
      return {
        isError: result.isError === true,
        text: result.content[0].text,
        value: result.structuredContent ?? {},
      };
    },
  };
}

/** A refusal by a server that lives. */
class Answered extends Error {}
