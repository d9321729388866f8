import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  applyFirstDefinition,
  enrol,
  readDefinition,
  writeDefinition,
} from '../../servers/core/factory/create.ts';
import { openServices } from '../../servers/core/open.ts';
import { factoryPaths } from '../../servers/core/paths.ts';
import type { Services } from '../../servers/core/services.ts';
import { LAUNCHER } from './command.ts';

const NEWEST = '2026-07-28';
const SLOWEST_MS = 40_000;

export interface Mill {
  /** The folder of all factories; the only one in it is `shop`. */
  readonly home: string;
  readonly shop: string;
  /** The path of a new enrolment. */
  enrol(agent: string, remote?: { url: string; ca?: string }): Promise<string>;
  /** Works on the store as a server would. */
  withStore<T>(work: (services: Services) => Promise<T>): Promise<T>;
  /** Starts `millwright up`; resolves when it serves. */
  daemon(port?: number): Promise<Daemon>;
  /** Runs `millwright ARGS --json`. */
  run(args: readonly string[]): Promise<Record<string, never>>;
}

export interface Daemon {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** A factory with no repository, and what is started for it; all of it ends with the test. */
export async function openMill(lease?: { beat: number }): Promise<Mill> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'millwright-mill-')));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));
  const shop = join(home, 'shop');
  const withStore: Mill['withStore'] = async (work) => {
    const services = await openServices(shop);
    try {
      return await work(services);
    } finally {
      await services.close();
    }
  };
  const shipped = await readDefinition('c-suite');
  const definition = { ...parse(shipped['factory.yaml'] ?? ''), ...(lease && { lease }) };
  const files = { ...shipped, 'factory.yaml': stringify(definition) };
  await withStore((services) => applyFirstDefinition(services, files, 'initial'));
  await writeDefinition(factoryPaths(shop).home, files);
  return {
    home,
    shop,
    withStore,
    enrol: (agent, remote) => withStore((services) => enrol(services, agent, null, remote)),
    async daemon(port = 0) {
      const up = start(home, ['up', '--port', String(port), '--json']);
      const line = await firstLine(up);
      const { url } = JSON.parse(line) as { url: string };
      return {
        url: new URL(url).origin,
        port: Number(new URL(url).port),
        pid: up.pid as number,
        async end(signal) {
          up.kill(signal);
          await up;
        },
      };
    },
    async run(args) {
      const { stdout } = await start(home, [...args, '--json']);
      return JSON.parse(stdout);
    },
  };
}

/** What an agent's host does: starts the stdio server and speaks JSON-RPC with it, line by line. */
export interface Host {
  readonly pid: number;
  /** The whole answer as the line it came in. */
  ask(method: string, params?: Record<string, unknown>): Promise<string>;
  /** Sends a request and returns its id at once. */
  send(method: string, params?: Record<string, unknown>): { id: number; answer: Promise<string> };
  notify(method: string, params: Record<string, unknown>): void;
  /** The text of a tool's answer. */
  call(tool: string, args?: Record<string, unknown>): Promise<string>;
  /** Closes stdin and waits for the end; throws when the server has to be killed. */
  close(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
  readonly said: () => string;
}

/** Starts a stdio server; in the newest revision of the protocol each request says so itself. */
export function startHost(
  enrolment: string,
  {
    modern = false,
    wait = 8,
    env = {},
  }: { modern?: boolean; wait?: number; env?: Record<string, string> } = {},
): Host {
  const child = start('/nonexistent', ['mcp', '--enrolment', enrolment, '--wait', String(wait)], env);
  const waiting = new Map<number, (line: string) => void>();
  let said = '';
  child.stderr.on('data', (part) => {
    said += String(part);
  });
  createInterface(child.stdout).on('line', (line) => {
    const { id } = JSON.parse(line) as { id?: number };
    if (id !== undefined) waiting.get(id)?.(line);
  });
  let last = 0;
  const write = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const meta = { [`${META}protocolVersion`]: NEWEST, [`${META}clientCapabilities`]: {} };
  const send: Host['send'] = (method, params = {}) => {
    const id = ++last;
    const answer = new Promise<string>((resolve, reject) => {
      waiting.set(id, resolve);
      const timer = setTimeout(() => reject(new Error(`No answer to ${method}. ${said}`)), SLOWEST_MS);
      timer.unref();
    });
    write({ id, method, params: modern ? { ...params, _meta: meta } : params });
    return { id, answer };
  };
  const ask: Host['ask'] = (method, params) => send(method, params).answer;
  if (!modern) {
    const clientInfo = { name: 'test', version: '1.0.0' };
    void ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }).catch(() => {});
    write({ method: 'notifications/initialized' });
  }
  return {
    pid: child.pid as number,
    ask,
    send,
    notify: (method, params) => write({ method, params }),
    async call(name, args = {}) {
      const line = await ask('tools/call', { name, arguments: args });
      return JSON.parse(line).result?.content?.[0]?.text ?? line;
    },
    async close() {
      child.stdin.end();
      const { exitCode, signal } = await child;
      if (exitCode !== 0) throw new Error(`ended with ${exitCode ?? signal}: ${said}`);
    },
    async end(signal) {
      child.kill(signal);
      await child;
    },
    said: () => said,
  };
}

/** A host that asks once and then holds nothing but the pipe, whose other end a child of its own keeps open too. */
export function hostThatForgets(mill: Mill, enrolment: string) {
  const lines = INTRODUCTION.map((message) => JSON.stringify(message)).join('\n');
  const command = `(printf '%s\\n' "$2"; sleep 30) | "$0" "$1" mcp --enrolment "$3" >/dev/null & wait`;
  const child = execa('sh', ['-c', command, process.execPath, LAUNCHER, lines, enrolment], {
    env: { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), MILLWRIGHT_HOME: mill.home },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
    detached: true,
  });
  onTestFinished(() => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // The whole group has ended.
    }
  });
  return child;
}

const INTRODUCTION = [
  {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1.0.0' },
    },
  },
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  { jsonrpc: '2.0', id: 2, method: 'tools/list' },
];

const META = 'io.modelcontextprotocol/';

function start(home: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = execa(process.execPath, [LAUNCHER, ...args], {
    stdin: 'pipe',
    env: { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), MILLWRIGHT_HOME: home, ...env },
    extendEnv: false,
    cwd: tmpdir(),
    reject: false,
    forceKillAfterDelay: 5000,
    timeout: 60_000,
  });
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await child;
  });
  return child;
}

function firstLine(child: ReturnType<typeof start>): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    void child.then(({ stderr }) => reject(new Error(`It ended: ${stderr}`)));
  });
}
