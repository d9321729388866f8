import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { settableClock } from './clock.ts';
import { openHistory } from './history.ts';
import { seeded } from './random.ts';
import { inTime, type Place, type Seat, seatHere, seatOverHttp } from './seats.ts';
import { turns } from './turns.ts';

/** What one process is told to do: to be an agent that makes a random mix of calls and notes each of them. */
export interface Assignment extends Place {
  history: string;
  /** Begins every text of this process; no other has it. */
  name: string;
  seed: number;
  leaseMs: number;
}

const assignment = JSON.parse(process.argv[2] ?? '') as Assignment;
const random = seeded(assignment.seed);
const clock = settableClock();
const history = openHistory(assignment.history);
const mood = { draining: false };

const orders = createInterface(process.stdin);
orders.on('line', (line) => {
  const [order, value] = line.split(' ');
  if (order === 'clock') clock.set(Number(value));
  if (order === 'drain') mood.draining = true;
});
orders.on('close', () => process.exit(0)); // whoever started this is gone

for (;;) {
  const seat = await takeSeat().catch(() => undefined);
  if (seat) await turns({ ...assignment, seat, history, mood, random });
  await sleep(50 + 200 * random());
}

async function takeSeat(): Promise<Seat> {
  const ended = history.invoke('open', '', '');
  try {
    const seat = await inTime(assignment.urls ? seatOverHttp(assignment, random) : seatHere(assignment));
    ended('ok', {});
    return seat;
  } catch (error) {
    ended('fail', { says: String(error) });
    throw error;
  }
}
