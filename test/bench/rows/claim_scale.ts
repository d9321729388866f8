import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openStore, type Store } from '../../../servers/core/store/store.ts';
import { claimOnce } from '../claim.ts';
import { makeReadyTasks } from '../ready_tasks.ts';
import { median, middleRound, ROUNDS, type Round, type Row, rounded, type Surroundings } from '../row.ts';

const MANY = 1_000_000;
const FEW = 1000;
/** In one round and store; all rounds together must leave tasks in the small one. */
const CLAIMS = 250;
const WARM_UP = 100;
const BAR = 1.5;
const SESSION = 'session-0';

/** The median time of a durable claim among a million ready tasks, beside one among a thousand. */
export async function claimScale({ folder, signal, progress }: Surroundings): Promise<Row> {
  const open = async (tasks: number): Promise<Store> => {
    const file = join(folder, `${tasks}.sqlite`);
    progress(`making ${tasks} tasks`);
    await makeReadyTasks(file, tasks, [SESSION]);
    return openStore(file);
  };
  const many = await open(MANY);
  const few = await open(FEW);
  const both = async () => ({ value: await timeOf(many), echo: await timeOf(few) });
  try {
    for (let index = 0; index < WARM_UP; index++) await both();
    const rounds: Round[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`claims among ${MANY} and ${FEW} tasks, round ${round} of ${ROUNDS}`);
      const pairs: Round[] = [];
      for (let index = 0; index < CLAIMS; index++) {
        signal.throwIfAborted();
        pairs.push(await both());
      }
      rounds.push({
        value: median(pairs.map(({ value }) => value)),
        echo: median(pairs.map(({ echo }) => echo)),
      });
    }
    const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
    return {
      name: `claim among ${MANY} tasks beside one among ${FEW}, p50`,
      value: rounded(value),
      unit: 'ms',
      echo: rounded(echo),
      ratio: rounded(value / echo),
      bar: `≤ ${BAR} ×`,
      pass: value <= BAR * echo,
    };
  } finally {
    await Promise.all([many.close(), few.close()]);
  }
}

async function timeOf(store: Store): Promise<number> {
  const since = performance.now();
  if (!(await claimOnce(store, SESSION))) throw new Error('There were too few tasks.');
  return performance.now() - since;
}
