import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { claimRuntime } from './claim.ts';
import { type Command, listen, type Order, removeSockets, socketPath } from './control.ts';
import { removeDrafts } from './files.ts';
import { listProcesses, type ProcessId } from './processes.ts';
import { ownerMark, reapLocalRuntime } from './reap.ts';
import { readRuntimeInfo, removeRuntimeInfo, writeRuntimeInfo } from './runtime_info.ts';
import { openRuntimeLog } from './runtime_log.ts';
import type { Workers } from './workers.ts';

const WATCH_MS = 1_000;

/**
 * The process that hosts workerd for one state folder, given as its only argument. It outlives the server that
 * started it and ends on SIGTERM, after the order at work, or when its folder is removed, taking workerd with it.
 * A second one for the same folder ends at once.
 */
async function main(dir: string): Promise<void> {
  const self = await claimRuntime(dir);
  if (!self) process.exit(0);
  const log = await openRuntimeLog(dir);
  try {
    await serve(dir, self, log);
  } catch (error) {
    log(`error ${error instanceof Error ? error.stack : error}`);
    process.exit(1);
  }
}

async function serve(dir: string, self: ProcessId, log: (line: string) => void): Promise<void> {
  await reapLocalRuntime(dir);
  await removeSockets(dir);
  await removeDrafts(dir);
  const { startWorkers } = await import('./workers.ts');
  const workers = await startWorkers(dir, await ownerMark(dir, self), log);
  const socket = await socketPath(dir, self.pid);
  const note = async () => writeRuntimeInfo(dir, { ...self, socket, workerd: await workerdOf(self) });

  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<unknown>) => {
    turn = turn.catch(() => {}).then(work);
    return turn;
  };
  const stop = () =>
    inTurn(async () => {
      await workers.dispose();
      await removeRuntimeInfo(dir);
      await removeSockets(dir);
      await rm(join(dir, 'tmp'), { recursive: true, force: true });
      process.exit(0);
    });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Miniflare's own listeners end the process at once, in the middle of an order and with its socket left.
    process.removeAllListeners(signal).on(signal, stop);
  }
  await listen(socket, (command, order) => inTurn(() => perform(workers, command, order).finally(note)));
  await note();
  watchFolder(dir, self, stop);
}

async function perform(workers: Workers, command: Command, order: Order): Promise<unknown> {
  const { product, version, shares, resource } = order;
  if (command === 'migrate') return workers.migrate(product, version);
  if (command === 'split') return workers.split(product, shares);
  if (command === 'preview') return workers.preview(product, version);
  if (command === 'numbers') return workers.numbers(product);
  if (command === 'retire') return workers.retire(product);
  if (command === 'empty') return resource && workers.empty(resource);
  return workers.serving(product);
}

async function workerdOf({ pid }: ProcessId): Promise<ProcessId[]> {
  const children = (await listProcesses()).filter(({ parent }) => parent === pid);
  return children.map((child) => ({ pid: child.pid, start: child.start }));
}

/** Ends the runtime when its folder is gone or speaks of another process: nobody could find it any more. */
function watchFolder(dir: string, self: ProcessId, stop: () => Promise<unknown>): void {
  setInterval(async () => {
    const info = await readRuntimeInfo(dir).catch(() => null);
    if (info?.pid !== self.pid) await stop();
  }, WATCH_MS);
}

process.umask(0o077);
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: runtime STATE_FOLDER');
await main(await realpath(folder));
