import { timeCalls } from '../calls.ts';
import { middleRound, type Row, rounded, type Surroundings } from '../row.ts';

const BAR = 1.5;

/** The median time of a tool that reads the store, over stdio: one page of `task_list`. */
export async function readTool(surroundings: Surroundings): Promise<Row> {
  const rounds = await timeCalls(surroundings, {
    name: 'read tool',
    warmUp: 1000,
    calls: 1000,
    timed: (ours) => ours.call('task_list'),
  });
  const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
  return {
    name: 'task_list over stdio, p50',
    value: rounded(value),
    unit: 'ms',
    echo: rounded(echo),
    ratio: rounded(value / echo),
    bar: `≤ ${BAR} × echo`,
    pass: value <= BAR * echo,
  };
}
