/**
 * Loaded into every Node process of a suite (NODE_OPTIONS): writes down what no test of a product has a reason to
 * do. It holds nothing back, the sandbox does that; it only lets the report name the act.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { resolve } from 'node:path';

const LOG = process.env['MILLWRIGHT_SUITE_ACTS'];
const MOST = 50;
/** Ports of loopback that refused: more than this is a search, not a server that is not up yet. */
const SEARCHED_PORTS = 3;
const OWN = [process.cwd(), '/job', '/tmp', '/home', '/dev', '/proc/self', '/var/tmp'];

let written = 0;
const append = fs.appendFileSync;
const tell = (act: string, at = caller()): void => write({ act: act.slice(0, 300), at });

function write(line: { at: string } & ({ act: string } | { pid: number })): void {
  if (LOG === undefined || written >= MOST) return;
  written += 1;
  try {
    append(LOG, `${JSON.stringify(line)}\n`);
  } catch {
    // Nobody can be told.
  }
}

/** The first place on the stack that belongs to the product. */
function caller(): string {
  const stack = new Error().stack ?? '';
  const line = stack.split('\n').find((text) => text.includes('/job/') && !text.includes('node_modules'));
  return (
    /\/job\/([^\s)]+?):(\d+):\d+\)?$/
      .exec(line ?? '')
      ?.slice(1, 3)
      .join(':') ?? ''
  );
}

const children = new Set<number>();
for (const name of ['spawn', 'fork'] as const) {
  const original = childProcess[name] as (...args: unknown[]) => childProcess.ChildProcess;
  Object.assign(childProcess, {
    [name]: (...args: unknown[]) => {
      const child = original(...args);
      const at = caller();
      if (child.pid) children.add(child.pid);
      if (child.pid && at !== '') write({ pid: child.pid, at });
      return child;
    },
  });
}

const kill = process.kill.bind(process);
process.kill = (id, signal) => {
  const isOwn = id === process.pid || children.has(Math.abs(id));
  if (signal !== 0 && !isOwn && (id === process.ppid || id <= 1))
    tell(`kills a process that it did not start (${id}, ${signal})`);
  return kill(id, signal);
};

const FOREIGN =
  /^\/proc\/(?!self\/|thread-self\/)\d+\/(?:environ|mem|maps|fd|root|cwd)\b|^\/etc\/(?:shadow|sudoers)|\/\.ssh\/|\/\.aws\/credentials/;
const pathOf = (given: unknown): string => {
  if (typeof given === 'string') return resolve(given);
  return given instanceof URL && given.protocol === 'file:'
    ? resolve(decodeURIComponent(given.pathname))
    : '';
};
const isOwnPlace = (path: string) =>
  path === '' || OWN.some((folder) => path === folder || path.startsWith(`${folder}/`));

/** The environment of a process that is not this one: its parents', for example. */
function looked(given: unknown): void {
  const path = pathOf(given);
  if (FOREIGN.test(path) && !path.startsWith(`/proc/${process.pid}/`)) tell(`reads ${path}`);
}

function wrote(given: unknown, error: unknown): void {
  const path = pathOf(given);
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  if (!['EROFS', 'EACCES', 'EPERM'].includes(code)) return;
  const real = realOf(path);
  if (!isOwnPlace(real)) tell(`writes outside its folder (${real})`);
}

function realOf(path: string): string {
  const parent = resolve(path, '..');
  try {
    return `${fs.realpathSync(parent)}/${path.slice(parent.length).replace(/^\//, '')}`.replace('//', '/');
  } catch {
    return path;
  }
}

type Callable = (...args: unknown[]) => unknown;
function around(
  host: object,
  name: string,
  see: { before?: (path: unknown) => void; failed?: (path: unknown, error: unknown) => void },
) {
  const table = host as Record<string, Callable>;
  const original = table[name];
  if (!original) return;
  table[name] = function (this: unknown, ...args: unknown[]) {
    see.before?.(args[0]);
    try {
      const result = original.apply(this, args);
      if (result instanceof Promise) result.catch((error) => see.failed?.(args[0], error));
      return result;
    } catch (error) {
      see.failed?.(args[0], error);
      throw error;
    }
  };
}
for (const name of ['readFileSync', 'readFile', 'openSync', 'open', 'createReadStream'])
  around(fs, name, { before: looked });
for (const name of ['readFile', 'open']) around(fs.promises, name, { before: looked });
for (const name of ['writeFileSync', 'appendFileSync', 'mkdirSync']) around(fs, name, { failed: wrote });
for (const name of ['writeFile', 'appendFile', 'mkdir']) around(fs.promises, name, { failed: wrote });

const refused = new Set<number>();
const connect = net.Socket.prototype.connect as (...args: unknown[]) => net.Socket;
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  const at = caller();
  this.once('error', (error: NodeJS.ErrnoException & { port?: number; address?: string }) => {
    if (error.code === 'ECONNREFUSED' && error.port !== undefined) refused.add(error.port);
    if (refused.size <= SEARCHED_PORTS) return;
    tell(`searches loopback for open ports (${[...refused].slice(0, 8).join(', ')})`, at);
    refused.clear();
  });
  return connect.apply(this, args);
};
syncBuiltinESMExports();
