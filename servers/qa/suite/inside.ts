/**
 * Runs the test command of a product inside the sandbox: one JSON object on stdin, the command's own output on
 * stdout and stderr, what was seen of its processes in a file. Ends with the command's exit code.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
/** What a runner's helpers need to end after it. */
const GRACE_MS = 1_500;

interface Job {
  command: [string, ...string[]];
  env: Record<string, string>;
  /** Where to write `{peak, left}`. */
  seen: string;
}

/** Processes of this run besides this one and the first of its namespace, with what they were called by. */
function others(): { id: number; called: string }[] {
  let ids: number[] = [];
  try {
    ids = readdirSync('/proc')
      .map(Number)
      .filter((id) => Number.isInteger(id) && id > 1 && id !== process.pid);
  } catch {
    return [];
  }
  return ids.flatMap((id) => {
    try {
      const status = readFileSync(`/proc/${id}/status`, 'utf8');
      if (/^State:\s+[ZX]/m.test(status)) return [];
      return [
        {
          id,
          called: readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').join(' ').trim().slice(0, 200),
        },
      ];
    } catch {
      return [];
    }
  });
}

const { command, env, seen }: Job = JSON.parse(await text(process.stdin));
mkdirSync(dirname(seen), { recursive: true });
const before = new Set(others().map(({ id }) => id));
const started = others().filter(({ id }) => !before.has(id)).length;
let peak = started;
const [program, ...args] = command;
const child = spawn(program, args, {
  env: { ...process.env, ...env },
  stdio: ['ignore', 'inherit', 'inherit'],
});
const watch = setInterval(() => {
  peak = Math.max(peak, others().length - before.size);
}, POLL_MS);
const exit = await new Promise<number>((resolve) => {
  child.on('error', () => resolve(127));
  child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
});
const left = await remaining();
clearInterval(watch);
writeFileSync(seen, JSON.stringify({ peak, left: left.slice(0, 10) }));
process.exit(exit);

async function remaining() {
  const deadline = Date.now() + GRACE_MS;
  for (;;) {
    const alive = others().filter(({ id }) => !before.has(id));
    if (alive.length === 0 || Date.now() > deadline) return alive;
    await sleep(POLL_MS);
  }
}
