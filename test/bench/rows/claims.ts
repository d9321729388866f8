import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { ClaimWork } from '../claim_window.ts';
import { workerProgram } from '../programs.ts';
import { makeReadyTasks } from '../ready_tasks.ts';
import { middleRound, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';
import type { Program } from '../stdio_client.ts';

const PROCESSES = 8;
const WINDOW_MS = 3000;
const TASKS = 100_000;
const BAR = 0.5;
/** How far the slowest process may fall behind the fastest. */
const FAIR = 0.25;

type Worker = 'claim_worker' | 'bare_claim_worker';

/** Claims a second by eight processes on one file, with our queries and with better-sqlite3 alone. */
export async function claims(surroundings: Surroundings): Promise<Row> {
  const template = join(surroundings.folder, 'ready.sqlite');
  await makeReadyTasks(template, TASKS, sessions());
  const rounds: { value: number; echo: number; fair: number }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    surroundings.progress(`claims by ${PROCESSES} processes, round ${round} of ${ROUNDS}`);
    const ours = await race(surroundings, template, 'claim_worker');
    const bare = await race(surroundings, template, 'bare_claim_worker');
    rounds.push({
      value: perSecond(ours),
      echo: perSecond(bare),
      fair: Math.min(...ours) / Math.max(...ours),
    });
  }
  const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
  const { fair } = middleRound(rounds, (round) => round.fair);
  return {
    name: `claims by ${PROCESSES} processes (slowest ${Math.round(fair * 100)} % of fastest)`,
    value: Math.round(value),
    unit: 'claims/s',
    echo: Math.round(echo),
    ratio: rounded(value / echo),
    bar: `≥ ${BAR * 100} % of bare, slowest ≥ ${FAIR * 100} % of fastest`,
    pass: value >= BAR * echo && fair >= FAIR,
  };
}

const sessions = () => Array.from({ length: PROCESSES }, (_, index) => `session-${index}`);

/** Lets all processes go at the same moment; the claims of each. */
async function race({ folder, signal }: Surroundings, template: string, worker: Worker): Promise<number[]> {
  const arena = join(folder, `race-${crypto.randomUUID()}`);
  await mkdir(arena);
  const file = join(arena, 'store.sqlite');
  await copyFile(template, file);
  const work = (session: string) => JSON.stringify({ file, session, ms: WINDOW_MS } satisfies ClaimWork);
  const started = await Promise.all(
    sessions().map((session) => startWorker(workerProgram(worker, [work(session)]), signal)),
  );
  for (const { go } of started) go();
  return Promise.all(started.map(({ claimed }) => claimed));
}

async function startWorker({ file, args }: Program, signal: AbortSignal) {
  const child = execa(file, args, { stdin: 'pipe', cancelSignal: signal, timeout: 60_000 });
  const claimed = child.then(({ stdout }) => Number(stdout.split('\n')[1]));
  claimed.catch(() => {});
  const ready = new Promise<void>((resolve) => createInterface(child.stdout).once('line', () => resolve()));
  await Promise.race([ready, claimed]);
  return { claimed, go: () => void child.stdin.write('go\n') };
}

const perSecond = (claimed: readonly number[]) =>
  (claimed.reduce((sum, one) => sum + one, 0) / WINDOW_MS) * 1000;
