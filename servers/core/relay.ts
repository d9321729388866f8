import type { DaemonSession, RpcRequest } from './daemon_client.ts';
import { ToolError } from './errors.ts';

/** The daemon certainly did nothing of what it was asked. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

/** By which way a stdio server reaches its factory: a daemon, or with none of them the store itself. */
export interface Way {
  /** The session's token, by which the next way goes on with it. */
  readonly token: string;
  /** Whether it goes on with the session it was asked to resume. */
  readonly resumed: boolean;
  readonly daemon?: DaemonSession;
  close(): Promise<void>;
}

export interface Relay<W extends Way> {
  /** The way that is open, or the one that is found now. */
  way(): Promise<W>;
  /**
   * Takes a message of the host: sends it to the daemon and the answer to `answer`, unchanged, or gives it to
   * `pass`, which is the server in this process.
   */
  take(message: unknown, pass: Pass, answer: (message: object) => void): void;
  /** Breaks off what runs and ends the session. */
  close(): Promise<void>;
}

type Pass = (message: never) => void;

/** What the server in this process answers without a factory stays with it. */
const RELAYED = /^(tools|prompts|resources|completion)\//;
/** A failure stands for so long, so that a burst of requests does not knock again and again. */
const FAILURE_STANDS_MS = 1000;

/**
 * Carries a host's requests over the way that `find` gives, and over the next one when a daemon is lost. A call
 * that may have been done is never sent twice: its answer says so.
 *
 * @param find opens a way, given the token of the session so far
 */
export function openRelay<W extends Way>(find: (resume: string | undefined) => Promise<W>): Relay<W> {
  const running = new Map<string | number, AbortController>();
  let current: Promise<W> | undefined;
  let token: string | undefined;
  let isReplaced = false;
  /** A way without a daemon stays; from then on nothing is between the host and the server in this process. */
  let isDirect = false;
  let closing = false;

  const way = (): Promise<W> => {
    if (current) return current;
    const found = open();
    current = found;
    found.then(
      ({ daemon }) => daemon?.lost.then(() => next(found)),
      () => setTimeout(() => forget(found), FAILURE_STANDS_MS).unref(),
    );
    return found;
  };
  const open = async (): Promise<W> => {
    const opened = await find(token);
    if (token !== undefined && !opened.resumed) isReplaced = true;
    token = opened.token;
    return opened;
  };
  const forget = (lost: Promise<W>) => {
    if (current === lost) current = undefined;
  };
  /** Looked for at once: the session's leases live only while somebody beats for it. */
  const next = (lost: Promise<W>) => {
    if (current !== lost || closing) return;
    forget(lost);
    way().catch(() => {});
  };

  const carry = async (
    request: RpcRequest,
    signal: AbortSignal,
    pass: () => void,
    answer: (message: object) => void,
  ) => {
    for (let tries = 1; ; tries++) {
      const found = way();
      const opened = await found.catch(() => undefined);
      if (signal.aborted) return;
      // Without a way the server in this process says why.
      if (!opened) return pass();
      if (isReplaced && request.method === 'tools/call') {
        isReplaced = false;
        return answer(refusal(request, sessionReplaced()));
      }
      if (!opened.daemon) {
        isDirect = !isReplaced;
        return pass();
      }
      try {
        const messages = await opened.daemon.call(request, signal);
        for (const message of messages) answer(JSON.parse(message));
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ToolError) return answer(refusal(request, error));
        forget(found);
        opened.daemon.drop();
        const mayRepeat = error instanceof NotDone || request.method !== 'tools/call';
        if (!mayRepeat || tries > 2) return answer(refusal(request, daemonDied(error)));
      }
    }
  };

  return {
    way,
    take(message, pass, answer) {
      if (isDirect) return pass(message as never);
      const request = asRequest(message);
      const cancelled = cancelledId(message);
      if (cancelled !== undefined && running.has(cancelled)) return running.get(cancelled)?.abort();
      if (!request || closing) return pass(message as never);
      const stop = new AbortController();
      running.set(request.id, stop);
      const done = () => running.delete(request.id);
      const passed = () => {
        done();
        pass(message as never);
      };
      void carry(request, stop.signal, passed, answer).finally(done);
    },
    async close() {
      closing = true;
      for (const stop of running.values()) stop.abort();
      await (await current?.catch(() => undefined))?.close();
    },
  };
}

function asRequest(message: unknown): RpcRequest | undefined {
  const { id, method } = message as Partial<RpcRequest>;
  const isRelayed = typeof method === 'string' && RELAYED.test(method);
  return isRelayed && (typeof id === 'string' || typeof id === 'number')
    ? (message as RpcRequest)
    : undefined;
}

function cancelledId(message: unknown): string | number | undefined {
  const { method, params } = message as { method?: unknown; params?: { requestId?: string | number } };
  return method === 'notifications/cancelled' ? params?.requestId : undefined;
}

/** A failed call as its tool result, in both revisions of the protocol; anything else as an error of JSON-RPC. */
function refusal({ id, method }: RpcRequest, error: ToolError): object {
  const text = error.render();
  if (method !== 'tools/call') return { jsonrpc: '2.0', id, error: { code: -32603, message: text } };
  const result = { isError: true, content: [{ type: 'text', text }], resultType: 'complete' };
  return { jsonrpc: '2.0', id, result };
}

const sessionReplaced = () =>
  new ToolError(
    'LEASE_LOST',
    'The daemon ended and your session with it; what it held is given back. This call was not made.',
    'Call task_checkout and go on with what its brief says; your earlier work is in the record.',
    { rule: 'session.replaced' },
  );

const daemonDied = (cause: unknown) =>
  new ToolError(
    'UPSTREAM',
    'The daemon ended in the middle of this call; nobody knows whether it was done.',
    'Look with task_show at what it did before you call it again.',
    { rule: 'daemon.lost', cause },
  );
