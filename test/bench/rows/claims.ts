import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { sql } from 'kysely';
import { openStore } from '../../../servers/core/store/store.ts';
import type { ClaimWork } from '../claim_window.ts';
import { workerProgram } from '../programs.ts';
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
  const template = await readyTasks(surroundings.folder);
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

/** A store with ready tasks and a session for each process; every race begins with a copy of it. */
async function readyTasks(folder: string): Promise<string> {
  const file = join(folder, 'ready.sqlite');
  const store = await openStore(file);
  await store.transaction(async (tx) => {
    await sql`with recursive n (id) as (select 1 union all select id + 1 from n where id < ${TASKS})
      insert into tasks (title, description, criteria, stops, role, priority, state, deps_left, ready_at, round,
        created_by, created_at)
      select 'Task ' || id, 'Add the page.', '["It answers."]', '["It needs a binding."]', 'developer', id % 5,
        'ready', 0, 0, 1, 'ceo', 0 from n`.execute(tx);
    for (const session of sessions()) {
      await sql`insert into sessions (id, agent, role, root, opened_at, expires_at, beat_at, progress_at)
        values (${session}, 'developer', 'developer', ${session}, 0, 0, 0, 0)`.execute(tx);
    }
  });
  await store.close();
  return file;
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
