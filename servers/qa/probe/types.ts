/** How bad a finding is: a blocker stops a release at once, a major fails the verdict, a minor is only told. */
export type Severity = 'blocker' | 'major' | 'minor';

/** One request to the product. `path` starts with `/` and holds the query; the origin is always the product's. */
export interface HttpRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** A request and its answer. `status` 0 means that no answer came; `body` then says why. */
export interface Exchange {
  request: HttpRequest;
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** At most the client's bound. */
  body: string;
}

/** A request, or how to make it from the answers before it. */
export type Step = HttpRequest | ((before: Exchange[]) => HttpRequest);

/** Requests in order, and what in their answers proves the defect: the evidence, or undefined. */
export interface Experiment {
  steps: Step[];
  judge(answers: Exchange[]): string | undefined;
}

/** A defect that an attack believes in. It counts only when `experiment`, run anew with a fresh tag, proves it. */
export interface Suspicion {
  kind: string;
  severity: Severity;
  title: string;
  /** Method and path without a query, for example `GET /wall`. */
  where: string;
  experiment(tag: string): Experiment;
}

/** A confirmed defect. `reproduction` is curl commands, one a line. */
export interface Finding {
  id: string;
  kind: string;
  severity: Severity;
  title: string;
  where: string;
  reproduction: string;
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
  type: 'text' | 'email' | 'url' | 'date' | 'number' | 'boolean' | 'choice';
  required: boolean;
  minLength: number;
  maxLength: number | undefined;
  minimum: number | undefined;
  maximum: number | undefined;
  /** For a choice, the values on offer; the first is taken. A hidden field or a checkbox is a choice of one. */
  options: unknown[];
}

/** A way to send something in. `path` may hold `{name}` for fields with place `path`. */
export interface Input {
  method: string;
  path: string;
  encoding: 'form' | 'multipart' | 'json' | 'none';
  fields: Field[];
}

/** What was found to attack: addresses that answer to a plain GET, and ways to send something in. */
export interface Surface {
  pages: string[];
  inputs: Input[];
}

/** What an attack may use. `send` is bounded and throws `BudgetSpent`. */
export interface Site {
  surface: Surface;
  send(request: HttpRequest): Promise<Exchange>;
  /** Addresses an answer leads to that the surface does not hold. */
  links(answer: Exchange): string[];
  /** A fresh word of letters and digits that occurs nowhere else. */
  tag(): string;
  /** Hands in a suspicion; done at once, so that it is kept when the budget ends the attack. */
  suspect(suspicion: Suspicion): void;
  /** Says what could not be tested, and why. */
  note(text: string): void;
}

/**
 * One class of attack. `run` sends requests of its own; `observe` looks at every exchange of the whole probe,
 * whoever caused it. Either may be left out.
 */
export interface Attack {
  kind: string;
  run?(site: Site): Promise<void>;
  observe?(exchange: Exchange): Suspicion[];
}

/**
 * The outcome. `notTested` says in words what the probe could not look at; `complete` is false when the budget
 * ended it early. Findings are sorted, worst first.
 */
export interface ProbeReport {
  origin: string;
  seed: number;
  complete: boolean;
  findings: Finding[];
  checks: { name: string; ran: boolean; requests: number }[];
  notTested: string[];
  requests: number;
  ms: number;
}
