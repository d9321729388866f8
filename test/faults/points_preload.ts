/**
 * Loaded into a process before its program (`node --import`), so that it can be killed exactly at one step of what it
 * does outside its own memory. The program knows nothing of it: what is counted are statements that write, git and
 * other programs, files, orders to the local target, and workerd.
 *
 * MILLWRIGHT_POINT holds a {@link Watch}. SIGUSR2 begins the counting, which `atOnce` does too, and ends it.
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BEGUN, ENDED, pathStep, programStep, sqlStep } from './points_steps.ts';

export interface Watch {
  /** The factory's folder; what lies elsewhere is not looked at, but for temporary files. */
  home: string;
  /** Gets a line for each step. */
  trace: string;
  /** Where to die: at the `nth` (from 1) of the steps of this name. */
  at?: { step: string; nth: number; when: 'before' | 'during' | 'after' } | undefined;
  atOnce?: boolean;
}

const watch = JSON.parse(process.env.MILLWRIGHT_POINT ?? '') as Watch;
const { appendFileSync, existsSync, statSync } = fs;
const seen = new Map<string, number>();
let counting = watch.atOnce ?? false;

process.on('SIGUSR2', () => {
  counting = !counting;
  appendFileSync(watch.trace, counting ? `${BEGUN}\n` : `${ENDED}\n`);
});

const die = () => process.kill(process.pid, 'SIGKILL');

/** Notes a step that begins; returns how to say that it has been begun, and that it has ended. */
function begin(step: string | undefined) {
  if (!counting || step === undefined) return { during() {}, after() {} };
  const nth = (seen.get(step) ?? 0) + 1;
  seen.set(step, nth);
  appendFileSync(watch.trace, `${step}\n`);
  const { at } = watch;
  const isHere = at?.step === step && at.nth === nth;
  const dieIf = (when: NonNullable<Watch['at']>['when']) => () => {
    if (isHere && at.when === when) die();
  };
  dieIf('before')();
  return { during: dieIf('during'), after: dieIf('after') };
}

type Method = (this: unknown, ...args: never[]) => unknown;

/** Puts a watched function in the place of one that returns a value or a promise. */
function replace<K extends string>(
  owner: Record<K, unknown>,
  name: K,
  stepOf: (...args: never[]) => string | undefined,
) {
  const original = owner[name] as Method;
  owner[name] = function watched(this: unknown, ...args: never[]) {
    const point = begin(stepOf(...args));
    const result = original.apply(this, args);
    if (!(result instanceof Promise)) {
      point.after();
      return result;
    }
    return result.then((value) => {
      point.after();
      return value;
    });
  };
}

function watchStore(): void {
  const Database = createRequire(import.meta.url)('better-sqlite3');
  const { prepare } = Database.prototype;
  Database.prototype.prepare = function watched(text: string) {
    const statement = prepare.call(this, text);
    const step = sqlStep(text);
    if (step !== undefined) for (const name of ['run', 'get', 'all']) replace(statement, name, () => step);
    return statement;
  };
}

function watchFiles(): void {
  const step = (verb: string, path: unknown) =>
    typeof path === 'string' ? pathStep(verb, path, watch.home, tmpdir()) : undefined;
  const files = promises as unknown as Record<string, unknown>;
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  replace(files, 'mkdir', (path: string) => (isFolder(path) ? undefined : step('mkdir', path)));
  replace(files, 'mkdtemp', (prefix: string) => step('mkdir', `${prefix}000000`));
  replace(files, 'writeFile', (path: string) => step('write', path));
  replace(files, 'rename', (_from: string, to: string) => step('rename', to));
  replace(files, 'link', (_from: string, to: string) => step('link', to));
  replace(files, 'symlink', (_to: string, path: string) => step('symlink', path));
  replace(files, 'copyFile', (_from: string, to: string) => step('copy', to));
  replace(files, 'rm', (path: string) => (existsSync(path) ? step('remove', path) : undefined));
  replace(files, 'open', (path: string, flags: unknown) =>
    typeof flags === 'string' && /[wax]/.test(flags) ? step('create', path) : undefined,
  );
}

function watchPrograms(): void {
  const spawn = childProcess.spawn as (...args: unknown[]) => ChildProcess;
  Object.assign(childProcess, {
    spawn(file: string, args: readonly string[], ...rest: unknown[]) {
      const point = begin(programStep(file, args));
      const child = spawn(file, args, ...rest);
      child.once('spawn', point.during);
      child.once('exit', point.after);
      return child;
    },
  });
}

function watchTarget(): void {
  const request = http.request as (...args: unknown[]) => http.ClientRequest;
  Object.assign(http, {
    request(...args: unknown[]) {
      const [{ socketPath, path } = {} as http.RequestOptions] = args as [http.RequestOptions];
      const point = begin(socketPath ? `target ${path?.slice(1)}` : undefined);
      const outgoing = request(...args);
      outgoing.once('finish', point.during);
      outgoing.once('response', (incoming) => incoming.once('end', point.after));
      return outgoing;
    },
  });
}

/** In the runtime alone: what it has workerd do. */
function watchWorkerd(): void {
  const { Miniflare } = createRequire(import.meta.url)('miniflare');
  replace(Miniflare.prototype, 'setOptions', () => 'workerd restart');
  const { getD1Database } = Miniflare.prototype;
  Miniflare.prototype.getD1Database = async function watched(...args: unknown[]) {
    const database = await getD1Database.apply(this, args);
    return new Proxy(database, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'batch') return value.bind(target);
        const batch = { batch: value.bind(target) };
        replace(batch, 'batch', () => 'd1 batch');
        return batch.batch;
      },
    });
  };
}

watchStore();
watchFiles();
watchPrograms();
watchTarget();
if (process.argv[1]?.endsWith(join('dist', 'runtime.js'))) watchWorkerd();
syncBuiltinESMExports();
