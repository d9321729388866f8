import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const RESTART_MS = 100;

/** A process of the run, which is started again whenever it ends, as a host does with its server. */
export interface Member {
  readonly name: string;
  readonly pid: number;
  tell(order: string): void;
  kill(): void;
  stop(): void;
  cont(): void;
  /** Starts it in other surroundings from its next start on, or as usual again. */
  enterBy(prefix: readonly string[]): void;
}

export interface Launch {
  name: string;
  program: 'worker' | 'server';
  enter: readonly string[];
  /** What this start of the process is told; `life` counts its starts from 1. */
  argument(life: number): unknown;
  log: string;
}

/** Starts members and keeps them alive until `end`, which leaves no process behind. */
export function hire() {
  const members: (Member & { end(): Promise<void> })[] = [];
  let over = false;
  return {
    members: members as readonly Member[],
    add(launch: Launch): Member {
      const member = start(launch, () => over);
      members.push(member);
      return member;
    },
    async end() {
      over = true;
      await Promise.all(members.map((member) => member.end()));
    },
  };
}

function start(launch: Launch, isOver: () => boolean): Member & { end(): Promise<void> } {
  let life = 0;
  let enter = launch.enter;
  const orders: string[] = [];
  const spawn = () => {
    const program = fileURLToPath(new URL(`${launch.program}.ts`, import.meta.url));
    const [file = '', ...args] = [
      ...enter,
      process.execPath,
      program,
      JSON.stringify(launch.argument(++life)),
    ];
    const child = execa(file, args, { reject: false, stdin: 'pipe', stdout: 'ignore', buffer: false });
    child.stdin.on('error', () => {});
    child.stderr.on('data', (text) => appendFileSync(launch.log, `${launch.name}.${life}: ${text}`));
    for (const order of orders) child.stdin.write(`${order}\n`);
    return child;
  };
  let child = spawn();
  const ended = (async () => {
    while (!isOver()) {
      await child;
      await sleep(RESTART_MS);
      if (!isOver()) child = spawn();
    }
  })();
  return {
    name: launch.name,
    get pid() {
      return child.pid ?? 0;
    },
    /** An order about the clock replaces the one before; a new start of the process is told the same. */
    tell(order) {
      const [what] = order.split(' ');
      orders.splice(0, orders.length, ...orders.filter((old) => old.split(' ')[0] !== what), order);
      child.stdin.write(`${order}\n`);
    },
    kill: () => void child.kill('SIGKILL'),
    stop: () => void child.kill('SIGSTOP'),
    cont: () => void child.kill('SIGCONT'),
    enterBy(prefix) {
      enter = prefix;
    },
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
