import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { answerCall } from '../../servers/core/call.ts';
import { startBeats } from '../../servers/core/connection.ts';
import { openSession } from '../../servers/core/identity.ts';
import { openServices } from '../../servers/core/open.ts';
import { loadFleet } from '../../servers/fleet.ts';
import type { Ending } from './history.ts';
import { MUTANTS, type Mutant } from './mutant.ts';

export interface Answer {
  ending: Ending;
  value: Record<string, unknown>;
  code?: string | undefined;
  says?: string | undefined;
}

/** One session, and the way its calls take. */
export interface Seat {
  readonly session: string;
  call(tool: string, args: Record<string, unknown>): Promise<Answer>;
  /** The fence this session holds its task under; undefined where that cannot be seen. */
  fence(): Promise<number | undefined>;
  /** Gives the session up without ending it, as a host does that loses its server. */
  leave(): Promise<void>;
}

export interface Place {
  home: string;
  databaseUrl?: string | undefined;
  /** An enrolment's token. */
  token: string;
  /** Servers to call over HTTP; without them the store is opened in this process. */
  urls?: readonly string[] | undefined;
  /** Breaks one promise of the store, to see that somebody notices. */
  mutant?: Mutant | undefined;
}

/** Longer than the pipeline takes to answer, so that a server which does not is seen. */
const LONGEST_CALL_MS = 55_000;

/** Rejects when `work` takes longer than any call may. */
export async function inTime<T>(work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = sleep(LONGEST_CALL_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error('no answer');
  });
  late.catch(() => {});
  return Promise.race([work, late]).finally(() => over.abort());
}

/** Refusals after which nobody knows whether the call took effect. */
const IN_DOUBT = /^(INTERNAL|UPSTREAM: The database server does not answer|LIMIT: The call took longer)/;

const refused = (code: string, text: string): Answer => ({
  ending: IN_DOUBT.test(text) ? 'unknown' : 'fail',
  value: {},
  code,
  says: text,
});

/** A session in this process: the store, the beats and the pipeline are those of a stdio server. */
export async function seatHere({ home, databaseUrl, token, mutant }: Place): Promise<Seat> {
  const fleet = await loadFleet(['tasks', 'gates']);
  const opened = await openServices(home, { databaseUrl });
  const services = mutant ? { ...opened, store: MUTANTS[mutant](opened.store) } : opened;
  const { id: session } = await openSession(services, token).catch(async (error) => {
    await opened.close();
    throw error;
  });
  const beats = startBeats(services, session);
  return {
    session,
    async call(name, args) {
      beats.touch();
      const signal = new AbortController().signal;
      const request = { name, arguments: args, signal };
      const answer = await inTime(answerCall(fleet.tools, services, session, request));
      if (answer.ok) return { ending: 'ok', value: answer.value };
      return refused(answer.error.code, answer.error.render());
    },
    async fence() {
      const row = await services.store.db
        .selectFrom('sessions')
        .select('fence')
        .where('id', '=', session)
        .executeTakeFirst()
        .catch(() => undefined);
      return row?.fence ?? undefined;
    },
    async leave() {
      await beats.stop().catch(() => {});
      await opened.close();
    },
  };
}

/** A session of a real client at the first of the servers that answers. */
export async function seatOverHttp({ urls = [], token }: Place, random: () => number): Promise<Seat> {
  const [url] = urls.toSorted(() => random() - 0.5);
  const headers = { Authorization: `Bearer ${token}` };
  const opened = await fetch(`${url}/session`, {
    method: 'POST',
    headers,
    signal: AbortSignal.timeout(LONGEST_CALL_MS),
  });
  if (!opened.ok) throw new Error(await opened.text());
  const own = (await opened.json()) as { id: string; token: string };
  const client = new Client({ name: 'faults', version: '1.0.0' });
  const requestInit = { headers: { Authorization: `Bearer ${own.token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
  return {
    session: own.id,
    async call(name, args) {
      const result = await client.callTool({ name, arguments: args }, { timeout: LONGEST_CALL_MS });
      if (!result.isError)
        return { ending: 'ok', value: (result.structuredContent ?? {}) as Answer['value'] };
      const [first] = result.content;
      const text = first?.type === 'text' ? first.text : '';
      return refused(text.split(':')[0] ?? '', text);
    },
    fence: async () => undefined,
    leave: () => client.close(),
  };
}
