import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly value: Record<string, unknown>;
  /** The server died while it answered: the call may have been done. */
  readonly wasCut: boolean;
}

/** Where servers are now; a killed one comes back at another address. */
export type Addresses = readonly { readonly url: string | undefined }[];

const PAUSE_MS = 50;
const LONGEST_OUTAGE_MS = 30_000;

/** One session over HTTP. When its server does not answer it goes on at the next one, with the same token. */
export class Seat {
  readonly #addresses: Addresses;
  readonly #token: string;
  #at: number;

  private constructor(addresses: Addresses, token: string, at: number) {
    this.#addresses = addresses;
    this.#token = token;
    this.#at = at;
  }

  /** Opens a session with an enrolment token at the server `at` of these. */
  static async open(addresses: Addresses, enrolment: string, at: number): Promise<Seat> {
    const url = addresses[at % addresses.length]?.url;
    if (!url) throw new Error('The server to open a session at does not run.');
    const answer = await fetch(new URL('/session', url), {
      method: 'POST',
      headers: { Authorization: `Bearer ${enrolment}` },
    });
    if (!answer.ok) throw new Error(`POST /session: ${answer.status} ${await answer.text()}`);
    const { token } = (await answer.json()) as { token: string };
    return new Seat(addresses, token, at % addresses.length);
  }

  /** Calls a tool and waits for its answer. Throws when no server answers for half a minute. */
  async call(name: string, args: object, signal: AbortSignal): Promise<Answer> {
    const params = { name, arguments: args };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const since = performance.now();
    let wasCut = false;
    for (;;) {
      const sent = await this.#post(body, signal);
      if (sent.status === 200) return { ...answerOf(sent.text), wasCut };
      if (sent.status !== undefined && sent.status !== 503)
        throw new Error(`${name}: ${sent.status} ${sent.text.slice(0, 200)}`);
      signal.throwIfAborted();
      wasCut ||= sent.status === undefined;
      if (performance.now() - since > LONGEST_OUTAGE_MS) throw new Error(`${name}: no server answers.`);
      this.#at = (this.#at + 1) % this.#addresses.length;
      await sleep(PAUSE_MS);
    }
  }

  async #post(body: string, signal: AbortSignal): Promise<{ status: number | undefined; text: string }> {
    const url = this.#addresses[this.#at]?.url;
    if (!url) return { status: undefined, text: '' };
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.#token}`,
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
        },
        body,
        signal,
      });
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: undefined, text: '' };
    }
  }
}

function answerOf(text: string): Omit<Answer, 'wasCut'> {
  const message = JSON.parse(/^data: (.+)$/m.exec(text)?.[1] ?? text);
  if (message.error) throw new Error(`JSON-RPC error: ${JSON.stringify(message.error)}`);
  const { isError, content, structuredContent } = message.result;
  return { isError: isError === true, text: content[0]?.text ?? '', value: structuredContent ?? {} };
}
