import { timeCalls } from '../calls.ts';
import { middleRound, type Row, rounded, type Surroundings } from '../row.ts';

const BAR_MS = 1;

/** The median time of a durable `task_checkout` over stdio; each task is given back before the next one. */
export async function checkout(surroundings: Surroundings): Promise<Row> {
  const rounds = await timeCalls(surroundings, {
    name: 'task_checkout',
    warmUp: 300,
    calls: 300,
    timed: (ours) => ours.call('task_checkout'),
    undo: (ours) => ours.call('task_return', { why: 'The next one is measured.' }),
  });
  const { value, echo } = middleRound(rounds, (round) => round.value - round.echo);
  return {
    name: 'task_checkout over stdio, durable, p50',
    value: rounded(value),
    unit: 'ms',
    echo: rounded(echo),
    ratio: rounded(value / echo),
    bar: `≤ echo + ${BAR_MS} ms`,
    pass: value <= echo + BAR_MS,
  };
}
