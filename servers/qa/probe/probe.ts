import { ATTACKS } from './attacks/index.ts';
import { openCanary } from './canary.ts';
import { BudgetSpent, openClient } from './client.ts';
import { type Criterion, criteriaAttack } from './criteria.ts';
import { discover, newLinks } from './discover.ts';
import { bounded, keyOf, replay, sortFindings } from './findings.ts';
import { learn, withLearned } from './learn.ts';
import { ENDING, openLifeline, ProductGone } from './lifeline.ts';
import { withPeople } from './people.ts';
import { openReached } from './reached.ts';
import { tagSource } from './tags.ts';
import type {
  Budget,
  Canary,
  Exchange,
  Finding,
  HttpRequest,
  Identities,
  Input,
  ProbeReport,
  Site,
  Suspicion,
} from './types.ts';
import type { Viewer } from './viewer.ts';

/** The part of the budget that attacks may use; the rest is kept for replays. */
const ATTACK_SHARE = 0.8;
const BLIND_SPOTS = ['What a script builds in the browser from data it fetches: no browser took part.'];

export interface ProbeOptions {
  /** Loopback or a host in `allowed`, for example `http://127.0.0.1:8787`. */
  origin: string;
  allowed?: readonly string[];
  /** An OpenAPI 3 document, parsed; without it the probe looks for one at `/openapi.json`. */
  openapi?: unknown;
  /** Acceptance criteria, checked before the attacks. */
  criteria?: readonly Criterion[];
  /** Ways to send something in that were read elsewhere, in the product's source for example. */
  inputs?: readonly Input[];
  /** Who the product knows; without it nothing can be said about what users may do to each other. */
  identities?: Identities;
  /** Puts the product's data back to what it was at the start; answers with its origin, which may be another one then. */
  reset?: () => Promise<string>;
  /** Told before each part, for whoever waits. */
  progress?: (part: string) => void;
  /** The same seed against the same product gives the same requests and findings. */
  seed: number;
  budget: Budget;
  /** The origin to write into the report instead of a passing one. */
  shownOrigin?: string;
  fetch?: typeof fetch;
  /** A real browser, for what runs in pages; without it a parse of their text decides. */
  viewer?: Viewer;
}

/**
 * Attacks a running product and reports what is proven wrong with it.
 *
 * A finding counts only after its requests were sent a second time with a new tag and proved it again. The run ends
 * when the budget does, which `complete` and `notTested` then say. The product's data is littered afterwards.
 * Throws a RangeError for an origin that is neither loopback nor allowed.
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const canary = await openCanary();
  try {
    return await probeWith(options, canary);
  } finally {
    await canary.close();
  }
}

async function probeWith(options: ProbeOptions, canary: Canary): Promise<ProbeReport> {
  const { seed, budget, criteria = [], identities = { users: [] } } = options;
  const attacks = [...(criteria.length > 0 ? [criteriaAttack(criteria)] : []), ...ATTACKS];
  const origin = new URL(options.origin).origin;
  const started = performance.now();
  const tag = tagSource(seed);
  const notTested = new Set<string>(options.viewer ? [] : BLIND_SPOTS);
  const suspicions = new Map<string, Suspicion>();
  const checks: ProbeReport['checks'] = [];
  let share = ATTACK_SHARE;
  let part = '';
  let current = origin;
  const client = openClient(origin, {
    budget: () => ({ requests: Math.floor(budget.requests * share), ms: budget.ms * share }),
    fetch: options.fetch,
    allowed: options.allowed,
    identities,
  });
  const suspect = (suspicion: Suspicion) => {
    // A place that ends the product is told once, as that.
    if (suspicion.kind === 'server-error' && lifeline.hasEnded(suspicion.where)) return;
    if (!suspicions.has(keyOf(suspicion))) suspicions.set(keyOf(suspicion), suspicion);
  };
  /** What was sent to change something: paths and bodies. */
  const sentIn: string[] = [];
  const send = async (request: HttpRequest): Promise<Exchange> => {
    if (request.method !== 'GET') sentIn.push(`${request.path}\n${(request.body ?? '').slice(0, 2_000)}`);
    const { answer, ended } = await lifeline.send(request);
    reached.see(answer, part);
    setsCookies ||= answer.headers['set-cookie'] !== undefined;
    if (!ended) for (const attack of attacks) attack.observe?.(answer, part).forEach(suspect);
    return answer;
  };
  const reset = async () => {
    if (!options.reset) return false;
    current = await options.reset();
    client.moveTo(current);
    sentIn.length = 0;
    return true;
  };
  const isNoted = (kind: string) => [...notTested].some((text) => text.startsWith(`${kind}:`));
  let setsCookies = false;
  const reached = openReached();
  const note = (text: string) => void notTested.add(text);
  const restart = options.reset ? reset : undefined;
  const lifeline = openLifeline({ send: client.send, restart, suspect, note });
  /** Runs a part; false when the budget ended it. */
  const within = async (name: string, run: () => Promise<void>): Promise<boolean> => {
    part = name;
    options.progress?.(name);
    const before = client.sent();
    const since = performance.now();
    const ran = await run().then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof BudgetSpent)) throw error;
        note(
          error instanceof ProductGone
            ? `${name}: the product has ended, and was not started again.`
            : `${name}: the budget of ${budget.requests} requests and ${budget.ms} ms ended it.`,
        );
        return false;
      },
    );
    checks.push({ name, ran, requests: client.sent() - before, ms: Math.round(performance.now() - since) });
    return ran;
  };

  const site: Site = {
    surface: { pages: [], inputs: [] },
    identities,
    canary,
    canReset: options.reset !== undefined,
    ...(options.viewer && { ran: ranIn(options.viewer, () => current, identities) }),
    reset,
    send,
    together: (requests) => Promise.all(requests.map(send)),
    links: (answer) => newLinks(origin, site.surface, answer),
    isSpent: (value) => sentIn.some((text) => holds(text, value)),
    tag,
    suspect,
    note,
    later: (work) => void rest.push(work),
  };
  const rest: (() => Promise<void>)[] = [];
  await within('discovery', async () => {
    const known = { openapi: options.openapi, inputs: options.inputs ?? [] };
    const read: Exchange[] = [];
    const reading = async (request: HttpRequest) => {
      const answer = await send(request);
      read.push(answer);
      return answer;
    };
    site.surface = await discover(origin, known, reading);
    const learned = await learn(site.surface.inputs, read, { send, tag, identities });
    // Pages that exist only once there is data.
    const second = await discover(origin, known, send);
    site.surface = {
      pages: [...new Set([...site.surface.pages, ...second.pages])],
      inputs: withLearned(second.inputs, learned).map((input) => withPeople(input, identities)),
    };
  });
  for (const { kind, run, needsReset } of attacks) {
    if (needsReset) await reset();
    const before = client.sent();
    if (run && (await within(kind, () => run(site))) && client.sent() === before && !isNoted(kind))
      note(`${kind}: nothing that the product is known to take or to show could be tried.`);
    if (run) continue;
    checks.push({ name: kind, ran: client.sent() > 0, requests: 0, ms: 0 });
  }
  for (const work of rest) await work();
  if (!setsCookies) note('cookie: no answer set one.');

  share = 1;
  const findings: Finding[] = [];
  await within('replay', async () => {
    const isTold = ({ kind, where }: Suspicion) =>
      !lifeline.isGone() || (kind === 'server-error' && lifeline.hasEnded(where));
    for (const suspicion of bounded([...suspicions.values()].filter(isTold), note)) {
      if (suspicion.needsReset) await reset();
      let isSilent = false;
      const listening = async (request: HttpRequest) => {
        const answer = await client.send(request);
        isSilent = answer.status === 0;
        return answer;
      };
      const finding = await replay(suspicion, tag(), listening, options.shownOrigin ?? origin);
      if (finding) findings.push(finding);
      if (isSilent && !lifeline.isGone()) await lifeline.revive();
    }
  });
  if (lifeline.restarts() > 0 && !findings.some(({ title }) => title.startsWith(ENDING)))
    note(`The product ended ${lifeline.restarts()} times, and no single request does it again.`);
  const unreached = reached.unreached(site.surface.inputs, identities.users.length > 0);
  return {
    origin: options.shownOrigin ?? origin,
    seed,
    complete: checks.every(({ ran }) => ran),
    findings: sortFindings(findings),
    checks,
    notTested: [...notTested],
    ...(unreached && { unreached }),
    requests: client.sent(),
    ms: Math.round(performance.now() - started),
  };
}

/** Looks with the first user's headers at where the product runs now. */
const ranIn =
  (viewer: Viewer, origin: () => string, { users }: Identities): NonNullable<Site['ran']> =>
  (path, words) =>
    viewer.ran(origin() + path, words, users[0]?.headers ?? {});

/** Whether a text holds a value as a word of its own. */
function holds(text: string, value: string | number): boolean {
  const at = text.indexOf(String(value));
  const around = at === -1 ? 'x' : `${text[at - 1] ?? ''}${text[at + String(value).length] ?? ''}`;
  return !/[\w-]/.test(around);
}
