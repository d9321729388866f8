/** How bad a finding is: everything but `low` fails a verdict; `low` is only told. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** One request to the product. `path` starts with `/` and holds the query; the origin is always the product's. */
export interface HttpRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
  /** Who sends it: a name of `Site.users`, or `NOBODY`. Left out, it is the first user, where there is one. */
  as?: string;
}

/** The `as` of a request that carries no identity. */
export const NOBODY = 'nobody';

/** A request and its answer. `status` 0 means that no answer came; `body` then says why. */
export interface Exchange {
  request: HttpRequest;
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** At most the client's bound. */
  body: string;
  /** From sending to the end of the answer. */
  ms: number;
}

/** A request, or how to make it from the answers before it; a list is sent at once, its answers in its order. */
export type Step = HttpRequest | HttpRequest[] | ((before: Exchange[]) => HttpRequest | HttpRequest[]);

/** Requests in order, and what in their answers proves the defect: the evidence, or undefined. */
export interface Experiment {
  steps: Step[];
  judge(answers: Exchange[]): string | undefined | Promise<string | undefined>;
}

/** A defect that an attack believes in. It counts only when `experiment`, run anew with a fresh tag, proves it. */
export interface Suspicion {
  kind: string;
  severity: Severity;
  title: string;
  /** Method and path without a query, for example `GET /wall`. */
  where: string;
  /** It proves itself only on data that nobody has touched: the product is reset before the replay, where that can be. */
  needsReset?: boolean;
  /** What a regression test expects of `answers`, as a line of vitest; without it, that the evidence is gone. */
  expects?: string;
  experiment(tag: string): Experiment;
}

/** A confirmed defect. `reproduction` is curl commands, one a line; `regression` a vitest file that fails until it is mended. */
export interface Finding {
  id: string;
  kind: string;
  severity: Severity;
  title: string;
  where: string;
  reproduction: string;
  regression: string;
  evidence: string;
  confirmed: true;
}

/** Bounds of a run: number of requests, and milliseconds. */
export interface Budget {
  requests: number;
  ms: number;
}

/** What a value must be like to be accepted, as far as the form or the API's description says. Lengths in characters. */
export interface Field {
  name: string;
  place: 'path' | 'query' | 'body';
  type: 'text' | 'email' | 'password' | 'url' | 'date' | 'uuid' | 'number' | 'boolean' | 'choice' | 'data';
  required: boolean;
  minLength: number;
  maxLength: number | undefined;
  minimum: number | undefined;
  maximum: number | undefined;
  /** For a choice, the values on offer; the first is taken. A hidden field or a checkbox is a choice of one. */
  options: unknown[];
  /** A regular expression that the whole value matches. */
  pattern?: string | undefined;
  /** Only an answer shows it; nobody said that it is taken. */
  guessed?: boolean;
  /** Values that the description or the product's own answers name; `data`, which is nested, has one made of its schema. */
  examples?: unknown[];
}

/** A way to send something in. `path` may hold `{name}` for fields with place `path`. */
export interface Input {
  method: string;
  path: string;
  /** `raw` is one field, `body`, sent as it is under the type of `media`. */
  encoding: 'form' | 'multipart' | 'json' | 'raw' | 'none';
  media?: string;
  fields: Field[];
  /** Where it was read; only an API's description is a promise about what is refused. */
  origin?: 'description' | 'page' | 'source';
  /** The description says that it needs an identity. */
  guarded?: boolean;
  /** The name of a session's cookie that the source of this route sends without HttpOnly. */
  openCookie?: string;
  /** Request headers that the description names, lower-case. */
  headers?: string[];
}

/** What was found to attack: addresses that answer to a plain GET, and ways to send something in. */
export interface Surface {
  pages: string[];
  inputs: Input[];
}

/** An identity to send requests with: a user of the product and the headers that prove it. */
export interface Identity {
  name: string;
  headers: Record<string, string>;
}

/** Who the product knows. `expired` is an identity whose time is over. */
export interface Identities {
  users: Identity[];
  expired?: Identity;
  admin?: Identity;
}

/** A listener of the probe's own: whoever calls one of its addresses is heard. */
export interface Canary {
  /** An address that belongs to this tag, in the spelling asked for. */
  address(tag: string, host?: string): string;
  /** True when somebody called the tag's address; waits until a moment after `since`, by `performance.now`: the call's own. */
  heard(tag: string, since?: number): Promise<boolean>;
}

/** What an attack may use. `send` is bounded and throws `BudgetSpent`. */
export interface Site {
  surface: Surface;
  identities: Identities;
  canary: Canary;
  /**
   * Which of the words a real browser ran as functions on a page of the product, as the first user; undefined where
   * the page could not be looked at. Left out where there is no browser.
   */
  ran?: (path: string, words: readonly string[]) => Promise<string[] | undefined>;
  /** Whether `reset` can do anything. */
  canReset: boolean;
  /** True when the product's data is as it was at the start; false when the runner can't do that. */
  reset(): Promise<boolean>;
  send(request: HttpRequest): Promise<Exchange>;
  /** Sends them all at the same moment; the answers in their order. */
  together(requests: HttpRequest[]): Promise<Exchange[]>;
  /** Addresses an answer leads to that the surface does not hold. */
  links(answer: Exchange): string[];
  /** Whether a request that changes something has carried this value since the product's data was new. */
  isSpent(value: string | number): boolean;
  /** A fresh word of letters and digits that occurs nowhere else. */
  tag(): string;
  /** Hands in a suspicion; done at once, so that it is kept when the budget ends the attack. */
  suspect(suspicion: Suspicion): void;
  /** Says what could not be tested, and why. */
  note(text: string): void;
  /** Has something looked at once all attacks have run, however this one ended: for what takes its time to show. */
  later(work: () => Promise<void>): void;
}

/**
 * One class of attack. `run` sends requests of its own; `observe` looks at every exchange of the whole probe,
 * whoever caused it; `by` is the kind of the attack that did. Either may be left out.
 */
export interface Attack {
  kind: string;
  /** It looks at what only untouched data shows: the product is reset before it, where that can be. */
  needsReset?: boolean;
  run?(site: Site): Promise<void>;
  observe?(exchange: Exchange, by: string): Suspicion[];
}

/**
 * The outcome. `notTested` says in words what the probe could not look at; `complete` is false when the budget
 * ended it early. `unreached` says why nothing that was sent in was ever accepted, where that is so. Findings are
 * sorted, worst first.
 */
export interface ProbeReport {
  origin: string;
  seed: number;
  complete: boolean;
  findings: Finding[];
  checks: { name: string; ran: boolean; requests: number; ms: number }[];
  notTested: string[];
  unreached?: { kind: 'form' | 'identity'; why: string } | undefined;
  requests: number;
  ms: number;
}
