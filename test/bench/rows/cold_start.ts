import { smallFactory } from '../factory.ts';
import { agentServer, echoServer } from '../programs.ts';
import { median, middleRound, ROUNDS, type Round, type Row, rounded, type Surroundings } from '../row.ts';
import { connect, type Program } from '../stdio_client.ts';

const STARTS = 9;
const BAR = 1.4;

/** CPU time from the start of a role's stdio server until `initialize` is answered. */
export async function coldStart({ folder, signal, progress }: Surroundings): Promise<Row> {
  const ours = agentServer(await smallFactory(folder));
  const bare = await echoServer(folder);
  const start = async (program: Program) => {
    const client = await connect(program, signal);
    await client.close();
    return client.startCpuMs;
  };
  await start(ours);
  await start(bare);

  const rounds: Round[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`cold start, round ${round} of ${ROUNDS}`);
    const values: number[] = [];
    const echoes: number[] = [];
    for (let index = 0; index < STARTS; index++) {
      values.push(await start(ours));
      echoes.push(await start(bare));
    }
    rounds.push({ value: median(values), echo: median(echoes) });
  }

  const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
  return {
    name: 'cold start of a stdio server',
    value: rounded(value),
    unit: 'CPU ms',
    echo: rounded(echo),
    ratio: rounded(value / echo),
    bar: `≤ ${BAR} × echo`,
    pass: value <= BAR * echo,
  };
}
