import { setTimeout as sleep } from 'node:timers/promises';
import type { openHistory, Seen } from './history.ts';
import { pick } from './random.ts';
import type { Answer, Seat } from './seats.ts';

export interface Agent {
  name: string;
  seat: Seat;
  history: ReturnType<typeof openHistory>;
  random: () => number;
  leaseMs: number;
  /** While draining, nothing new is begun and everything is finished. */
  mood: { readonly draining: boolean };
}

/** What the agent believes it holds. */
interface Held {
  task: number;
  fence: number | undefined;
}

const HOLDING = ['agent_heartbeat', 'artifact_put', 'task_complete', 'task_return', 'task_block'] as const;
/** How often of a hundred; most tasks are done in the end. */
const MIX = { agent_heartbeat: 25, artifact_put: 35, task_complete: 32, task_return: 6, task_block: 2 };
const LEAVES: readonly string[] = ['task_complete', 'task_return', 'task_block'];
/** New tasks need some of the last ones. */
const REMEMBERED = 40;

/** A connection that is dead does not close. */
const LONGEST_FAREWELL_MS = 3000;

const number = (id: unknown) => Number(String(id).slice(2));
const optional = (id: unknown) => (id === undefined ? undefined : number(id));

/** Makes calls until the session or its connection is over. */
export async function turns(agent: Agent): Promise<void> {
  const known: number[] = [];
  let held: Held | undefined;
  let mark = 0;
  const text = () => `${agent.name} ${agent.seat.session.slice(0, 8)} ${++mark}`;
  for (;;) {
    if (held) {
      await sleep(agent.random() * agent.leaseMs * 0.3);
      const tool = agent.mood.draining ? 'task_complete' : weighted(agent.random);
      const answer = await call(agent, tool, text(), argumentsOf(tool), held);
      if (isOver(answer)) break;
      if (answer.ending !== 'ok' || LEAVES.includes(tool)) held = undefined;
      continue;
    }
    const wantsNew = !agent.mood.draining && agent.random() < 0.2;
    const answers = wantsNew ? [await create(agent, text(), known)] : await take(agent);
    if (answers.some(isOver)) break;
    const taken = answers.find(({ value }) => value.lease_ends_at !== undefined);
    if (taken) held = { task: number(taken.value.task), fence: await agent.seat.fence() };
    else if (!wantsNew && !agent.mood.draining) await create(agent, text(), known);
    await sleep((agent.mood.draining ? 100 : 20) + agent.random() * 60);
  }
  await Promise.race([agent.seat.leave().catch(() => {}), sleep(LONGEST_FAREWELL_MS)]);
}

/** Nothing comes over this connection or from this session any more. */
const isOver = ({ code, says = '' }: Answer) =>
  code === 'TRANSPORT' || (code === 'FORBIDDEN' && says.includes('credential'));

/** One of the calls that a holder makes, each as often as the mix says. */
const weighted = (random: () => number) =>
  pick(
    random,
    HOLDING.flatMap((tool) => Array<typeof tool>(MIX[tool]).fill(tool)),
  );

const argumentsOf = (tool: (typeof HOLDING)[number]) => (mark: string) =>
  ({
    agent_heartbeat: { progress: mark },
    artifact_put: { name: 'note', media: 'text/plain', body: mark },
    task_complete: { summary: mark },
    task_return: { why: mark },
    task_block: { why: mark },
  })[tool];

async function create(agent: Agent, mark: string, known: number[]): Promise<Answer> {
  const needs = Array.from({ length: Math.floor(agent.random() * 3) }, () => pick(agent.random, known));
  const answer = await call(agent, 'task_create', mark, (title) => ({
    title,
    criteria: ['It is done.'],
    stops: ['It is not.'],
    role: 'developer',
    needs: [...new Set(needs)].filter((task) => task !== undefined).map((task) => `T-${task}`),
  }));
  if (answer.ending === 'ok') known.push(number(answer.value.task));
  if (known.length > REMEMBERED) known.shift();
  return answer;
}

/** Asks for a task; now and then twice at the same moment, as a confused host does. */
function take(agent: Agent): Promise<Answer[]> {
  const twice = !agent.mood.draining && agent.random() < 0.1;
  return Promise.all([1, ...(twice ? [2] : [])].map(() => call(agent, 'task_checkout', '', () => ({}))));
}

const call = (
  agent: Agent,
  tool: string,
  mark: string,
  args: (mark: string) => Record<string, unknown>,
  held?: Held,
) => called(agent, tool, mark, args(mark), held);

/** Makes one call and notes it: what was known when it began, and how it ended. */
export async function called(
  { seat, history }: Pick<Agent, 'seat' | 'history'>,
  tool: string,
  mark: string,
  args: Record<string, unknown>,
  held?: Held,
): Promise<Answer> {
  const before: Seen = held ? { ...held } : {};
  const ended = history.invoke(tool, seat.session, mark, before);
  const answer = await seat
    .call(tool, args)
    .catch((error): Answer => ({ ending: 'unknown', value: {}, code: 'TRANSPORT', says: String(error) }));
  const { value, code, says } = answer;
  const seen: Seen = { code, says };
  if (value.task !== undefined) seen.task = number(value.task);
  if (tool === 'artifact_put') seen.artifact = optional(value.artifact);
  if (tool === 'task_checkout' && answer.ending === 'ok') {
    seen.leaseEndsAt = String(value.lease_ends_at);
    seen.fence = await seat.fence();
  }
  ended(answer.ending, seen);
  return answer;
}
