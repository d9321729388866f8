import type { ServerResponse } from 'node:http';

/** One request as the far side saw it; `status` is 0 where the connection was cut. */
export interface StubCall {
  /** `METHOD /path` as the stub names it. */
  call: string;
  status: number;
  body: unknown;
}

/**
 * What happens instead of an answer, or around it. `cut` carries the request out and closes the connection, `refuse`
 * closes it before, `hang` never answers.
 */
export type Fault =
  | { match: RegExp; times?: number; status: number; headers?: Record<string, string>; body?: string }
  | { match: RegExp; times?: number; how: 'cut' | 'refuse' | 'hang' };

/** What tests see of a far side that can be told to fail. */
export interface Faulty {
  readonly calls: StubCall[];
  /** The calls that were answered as done and make something: POST, PUT, PATCH, DELETE. */
  writes(): string[];
  fault(fault: Fault): void;
  /** Lets `calls` more requests through, cuts the last of them after it was carried out, and refuses all later ones. */
  dieAfter(calls: number): void;
  /** Called with the number of each request after it was carried out and before it is answered. */
  onDone(listen: (request: number) => void | Promise<void>): void;
  /** Ends every fault. */
  heal(): void;
}

/** Answers a request: by a fault where one matches, else by what carrying it out gives, as JSON. */
export type Answering = (
  response: ServerResponse,
  asked: { call: string; body: unknown },
  carryOut: () => { status: number; body?: unknown },
) => Promise<void>;

/** The calls and faults of one far side; `injected` is the body of an injected status that brings none. */
export function openFaults(injected: (status: number) => string): Faulty & { answer: Answering } {
  const calls: StubCall[] = [];
  let faults: Fault[] = [];
  let left = Number.POSITIVE_INFINITY;
  let listener: (request: number) => void | Promise<void> = () => {};

  function faultOf(call: string): Fault | undefined {
    const fault = faults.find((one) => one.match.test(call));
    if (!fault) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) faults = faults.filter((one) => one !== fault);
    return fault;
  }

  return {
    calls,
    async answer(response, { call, body }, carryOut) {
      const seen: StubCall = { call, status: 0, body };
      calls.push(seen);
      left -= 1;
      if (left < 0) return void response.destroy();
      const fault = faultOf(call);
      if (fault && 'status' in fault) {
        seen.status = fault.status;
        return void response.writeHead(fault.status, fault.headers).end(fault.body ?? injected(fault.status));
      }
      if (fault?.how === 'hang') return;
      if (fault?.how === 'refuse') return void response.destroy();
      const answer = carryOut();
      seen.status = answer.status;
      await listener(calls.length);
      if (fault || left === 0) return void response.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    },
    writes: () =>
      calls
        .filter(({ call, status }) => !call.startsWith('GET') && status >= 200 && status < 300)
        .map(({ call }) => call),
    fault: (fault) => void faults.push({ ...fault }),
    dieAfter: (count) => {
      left = count;
    },
    onDone: (listen) => {
      listener = listen;
    },
    heal() {
      faults = [];
      left = Number.POSITIVE_INFINITY;
    },
  };
}
