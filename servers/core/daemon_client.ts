import { type Agent, type ClientRequest, type IncomingMessage, request as sendHttp } from 'node:http';
import { request as sendHttps } from 'node:https';
import { ToolError } from './errors.ts';
import { ROOT_HEADER, SESSION_HEADER } from './http/lines.ts';
import { provenAgent } from './proven_agent.ts';
import { NotDone } from './relay.ts';

/** A daemon, and who joins it. */
export interface Join {
  readonly url: string;
  /** PEM of the authority that signed the daemon's certificate, when the system does not know it. */
  readonly ca?: string | undefined;
  /** Every connection has to prove that a daemon of this factory is at its other end. Over plain HTTP it always has. */
  readonly prove: boolean;
  /** The enrolment's token. */
  readonly token: string;
  readonly root?: string | undefined;
  /** The token of the session so far: it goes on if it still lives. */
  readonly resume?: string | undefined;
}

/** One session at a daemon. */
export interface DaemonSession {
  readonly id: string;
  readonly token: string;
  readonly resumed: boolean;
  /** Settles when the daemon is gone or ends: nothing more should be sent to it. */
  readonly lost: Promise<void>;
  /**
   * Sends one JSON-RPC request and gives its answer as JSON text, after what the daemon said before it. Throws
   * `NotDone` when the daemon certainly did nothing, `ToolError` when it turned the message away, and anything
   * else when nobody knows.
   */
  call(message: RpcRequest, signal: AbortSignal): Promise<string[]>;
  /** Ends the session at the daemon, which gives back what it holds; waits two seconds at most. */
  close(): Promise<void>;
  /** Leaves without a word: the daemon is lost. */
  drop(): void;
}

export interface RpcRequest {
  readonly id: string | number;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

const ANSWER_MS = 60_000;
const KNOCK_MS = 5000;
const LARGEST_ANSWER = 10_000_000;

/**
 * Opens or resumes a session at a daemon and keeps a line open to it, by which each notices the end of the other.
 * Throws `NotDone` when there is no daemon of this factory, and `ToolError` when it refuses the enrolment.
 */
export async function joinDaemon(join: Join): Promise<DaemonSession> {
  const base = new URL(join.url);
  const agent = provenAgent(base, join);
  const send = (request: Omit<Request, 'base' | 'agent'>) => begin({ base, agent, ...request });
  try {
    const resumed = join.resume !== undefined && (await openLine(send, join.resume));
    const session = resumed ? { id: resumed.id, token: join.resume ?? '' } : await exchange(send, join);
    const line = resumed || (await openLine(send, session.token));
    if (!line) throw new NotDone('The daemon does not know the session that it opened.');
    return {
      ...session,
      resumed: Boolean(resumed),
      lost: line.closed,
      call: (message, signal) => call(send, session.token, message, signal),
      async close() {
        await send({ method: 'DELETE', path: '/session', token: session.token, ms: 2000 })
          .then(read)
          .catch(() => {});
        agent.destroy();
      },
      drop: () => agent.destroy(),
    };
  } catch (error) {
    agent.destroy();
    throw error;
  }
}

interface Request {
  base: URL;
  agent: Agent;
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  token: string;
  headers?: Record<string, string>;
  body?: string;
  ms: number;
  signal?: AbortSignal;
}
type Send = (request: Omit<Request, 'base' | 'agent'>) => Promise<IncomingMessage>;

/** Sends a request and gives the response once its head is there. */
function begin({
  base,
  agent,
  method,
  path,
  token,
  headers,
  body,
  ms,
  signal,
}: Request): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let connected = false;
    const send = base.protocol === 'https:' ? sendHttps : sendHttp;
    const request: ClientRequest = send({
      agent,
      method,
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      path,
      headers: {
        // What announces itself may listen under any address; as `localhost` it always answers.
        ...(base.protocol === 'http:' && { Host: 'localhost' }),
        Authorization: `Bearer ${token}`,
        ...headers,
        ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      },
      ...(signal && { signal }),
    });
    request.once('socket', () => {
      connected = true;
    });
    const timer = setTimeout(() => request.destroy(new Error('The daemon does not answer in time.')), ms);
    request.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(connected ? error : new NotDone(error.message, { cause: error }));
    });
    request.end(body);
  });
}

/** The whole text of a response; rejects when it breaks off or is too long. */
async function read(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > LARGEST_ANSWER) throw new Error('The daemon answers with too much.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function exchange(send: Send, { token, root }: Join): Promise<{ id: string; token: string }> {
  const headers = root === undefined ? {} : { [ROOT_HEADER]: Buffer.from(root).toString('base64url') };
  const response = await knocking(send({ method: 'POST', path: '/session', token, headers, ms: KNOCK_MS }));
  const text = await knocking(read(response));
  if (response.statusCode === 403) throw credentialRefused();
  if (response.statusCode !== 200)
    throw new NotDone(`POST /session was answered with ${response.statusCode}.`);
  const { id, token: secret } = JSON.parse(text) as { id?: string; token?: string };
  if (!id || !secret) throw new NotDone('POST /session was answered with something else.');
  return { id, token: secret };
}

/** False when the session does not live any more. */
async function openLine(send: Send, token: string): Promise<{ id: string; closed: Promise<void> } | false> {
  const response = await knocking(send({ method: 'GET', path: '/session', token, ms: KNOCK_MS }));
  const id = response.headers[SESSION_HEADER];
  if (response.statusCode !== 200 || typeof id !== 'string') {
    response.resume();
    if (response.statusCode === 401) return false;
    throw new NotDone(`GET /session was answered with ${response.statusCode}.`);
  }
  response.socket.setKeepAlive(true, 15_000);
  response.resume();
  return { id, closed: new Promise((resolve) => response.once('close', resolve).on('error', () => {})) };
}

/** Whatever goes wrong before there is a session, nothing was done for the host. */
const knocking = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: Error) => {
    throw error instanceof NotDone ? error : new NotDone(error.message, { cause: error });
  });

async function call(send: Send, token: string, message: RpcRequest, signal: AbortSignal): Promise<string[]> {
  const response = await send({
    method: 'POST',
    path: '/mcp',
    token,
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...eraHeaders(message),
    },
    body: JSON.stringify(message),
    ms: ANSWER_MS,
    signal,
  });
  const text = await read(response);
  if (response.statusCode === 503) throw new NotDone('The daemon is ending.');
  if (response.statusCode === 401) throw credentialRefused();
  const messages = /^text\/event-stream/.test(response.headers['content-type'] ?? '') ? events(text) : [text];
  if (messages.some((one) => isAnswer(one))) return messages;
  if (response.statusCode === 200) throw new Error('The daemon closed without an answer.');
  throw new ToolError(
    response.statusCode === 413 || response.statusCode === 429 ? 'LIMIT' : 'UPSTREAM',
    `The daemon did not take the message (HTTP ${response.statusCode}).`,
    response.statusCode === 413
      ? 'Say it in fewer words, or in several calls.'
      : 'Wait some seconds, then call again.',
    { rule: 'daemon.turned-away' },
  );
}

const credentialRefused = () =>
  new ToolError(
    'FORBIDDEN',
    'This credential does not count, or not any more.',
    'Ask the human to run `millwright enrol` for this agent, then start the session again.',
  );

/** The messages of a whole event stream (HTML Living Standard, 9.2.6; one line of data each). */
const events = (text: string): string[] =>
  text.split(/\r?\n/).flatMap((line) => (line.startsWith('data: {') ? [line.slice(6)] : []));

function isAnswer(text: string): boolean {
  try {
    const message = JSON.parse(text) as { jsonrpc?: unknown };
    return message.jsonrpc === '2.0' && ('result' in message || 'error' in message);
  } catch {
    return false;
  }
}

/** The headers that the revision 2026-07-28 asks for beside the body; none for the older ones. */
function eraHeaders({ method, params }: RpcRequest): Record<string, string> {
  const meta = params?._meta as Record<string, unknown> | undefined;
  const version = meta?.['io.modelcontextprotocol/protocolVersion'];
  if (typeof version !== 'string') return {};
  const name = params?.[method === 'resources/read' ? 'uri' : 'name'];
  return {
    'MCP-Protocol-Version': inHeader(version),
    'Mcp-Method': method,
    ...(typeof name === 'string' && { 'Mcp-Name': inHeader(name) }),
  };
}

/** Text that no header can carry goes as base64 between the marks that the revision names. */
const inHeader = (text: string) =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`;
