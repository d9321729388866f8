import { performance } from 'node:perf_hooks';
import { smallFactory } from './factory.ts';
import { agentServer, echoServer } from './programs.ts';
import { median, ROUNDS, type Round, type Surroundings } from './row.ts';
import { connect, type RawClient } from './stdio_client.ts';

export interface Measured {
  readonly name: string;
  /** Calls in one round. */
  readonly calls: number;
  /** Calls before the first round, while the engine still compiles both servers. */
  readonly warmUp: number;
  /** The call whose time is taken. */
  timed(ours: RawClient): Promise<unknown>;
  /** What must be undone before the next one; its time is not taken. */
  undo?(ours: RawClient): Promise<unknown>;
}

/** Times a tool call of ours and one of the bare server in turns: the median of each, in milliseconds, per round. */
export async function timeCalls(
  { folder, signal, progress }: Surroundings,
  { name, calls, warmUp, timed, undo }: Measured,
): Promise<Round[]> {
  const ours = await connect(agentServer(await smallFactory(folder)), signal);
  const bare = await connect(await echoServer(folder), signal);
  const both = async () => {
    const value = await millisecondsOf(() => timed(ours));
    await undo?.(ours);
    const echo = await millisecondsOf(() => bare.call('echo', { text: 'hello' }));
    return { value, echo };
  };
  try {
    for (let index = 0; index < warmUp; index++) await both();
    const rounds: Round[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`${name}, round ${round} of ${ROUNDS}`);
      const pairs: Round[] = [];
      for (let index = 0; index < calls; index++) pairs.push(await both());
      rounds.push({
        value: median(pairs.map(({ value }) => value)),
        echo: median(pairs.map(({ echo }) => echo)),
      });
    }
    return rounds;
  } finally {
    await Promise.all([ours.close(), bare.close()]);
  }
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}
