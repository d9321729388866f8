import { createHash } from 'node:crypto';
import { ATTACKS } from './attacks/index.ts';
import { BudgetSpent, openClient } from './client.ts';
import { type Criterion, criteriaAttack } from './criteria.ts';
import { curl } from './curl.ts';
import { discover, newLinks } from './discover.ts';
import { tagSource } from './tags.ts';
import type {
  Budget,
  Exchange,
  Finding,
  HttpRequest,
  ProbeReport,
  Severity,
  Site,
  Suspicion,
} from './types.ts';
import { requestFor, validValues } from './values.ts';

/** The part of the budget that attacks may use; the rest is kept for replays. */
const ATTACK_SHARE = 0.8;
const MOST_OF_A_KIND = 10;
const EVIDENCE_CHARS = 400;
const RANK: Record<Severity, number> = { blocker: 0, major: 1, minor: 2 };
const BLIND_SPOTS = ['What a script builds in the browser from data it fetches: no browser took part.'];

export interface ProbeOptions {
  /** Loopback only, for example `http://127.0.0.1:8787`. */
  origin: string;
  /** An OpenAPI 3 document, parsed; without it the probe looks for one at `/openapi.json`. */
  openapi?: unknown;
  /** Acceptance criteria, checked before the attacks. */
  criteria?: readonly Criterion[];
  /** The same seed against the same product gives the same requests and findings. */
  seed: number;
  budget: Budget;
  /** The origin to write into the report instead of a passing one. */
  shownOrigin?: string;
  fetch?: typeof fetch;
}

/**
 * Attacks a running product and reports what is proven wrong with it.
 *
 * A finding counts only after its requests were sent a second time with a new tag and proved it again. The run ends
 * when the budget does, which `complete` and `notTested` then say. The product's data is littered afterwards.
 * Throws a RangeError for an origin that is not loopback.
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const { seed, budget, criteria = [] } = options;
  const attacks = [...(criteria.length > 0 ? [criteriaAttack(criteria)] : []), ...ATTACKS];
  const origin = new URL(options.origin).origin;
  const started = performance.now();
  const tag = tagSource(seed);
  const notTested = new Set<string>(BLIND_SPOTS);
  const suspicions = new Map<string, Suspicion>();
  const checks: ProbeReport['checks'] = [];
  let share = ATTACK_SHARE;
  const client = openClient(
    origin,
    () => ({ requests: Math.floor(budget.requests * share), ms: budget.ms * share }),
    options.fetch ?? fetch,
  );
  const suspect = (suspicion: Suspicion) => {
    if (!suspicions.has(keyOf(suspicion))) suspicions.set(keyOf(suspicion), suspicion);
  };
  const send = async (request: HttpRequest): Promise<Exchange> => {
    const exchange = await client.send(request);
    for (const attack of attacks) attack.observe?.(exchange).forEach(suspect);
    return exchange;
  };
  /** Runs a part; false when the budget ended it. */
  const within = async (name: string, part: () => Promise<void>): Promise<boolean> => {
    const before = client.sent();
    const ran = await part().then(
      () => true,
      (error: unknown) => {
        if (error instanceof BudgetSpent) return false;
        throw error;
      },
    );
    checks.push({ name, ran, requests: client.sent() - before });
    if (!ran)
      notTested.add(`${name}: the budget of ${budget.requests} requests and ${budget.ms} ms ended it.`);
    return ran;
  };

  const site: Site = {
    surface: { pages: [], inputs: [] },
    send,
    links: (answer) => newLinks(origin, site.surface, answer),
    tag,
    suspect,
    note: (text) => notTested.add(text),
  };
  await within('discovery', async () => {
    site.surface = await discover(origin, options.openapi, send);
    // Pages that exist only once there is data.
    for (const input of site.surface.inputs) await send(requestFor(input, validValues(input, tag())));
    const second = await discover(origin, options.openapi, send);
    site.surface = { pages: [...new Set([...site.surface.pages, ...second.pages])], inputs: second.inputs };
  });
  for (const { kind, run } of attacks) {
    if (run) await within(kind, () => run(site));
    else checks.push({ name: kind, ran: client.sent() > 0, requests: 0 });
  }

  share = 1;
  const findings: Finding[] = [];
  await within('replay', async () => {
    for (const suspicion of bounded([...suspicions.values()], site.note)) {
      const finding = await replay(suspicion, tag(), client.send, options.shownOrigin ?? origin);
      if (finding) findings.push(finding);
    }
  });
  return {
    origin: options.shownOrigin ?? origin,
    seed,
    complete: checks.every(({ ran }) => ran),
    findings: sortFindings(findings),
    checks,
    notTested: [...notTested],
    requests: client.sent(),
    ms: Math.round(performance.now() - started),
  };
}

async function replay(
  suspicion: Suspicion,
  tag: string,
  send: (request: HttpRequest) => Promise<Exchange>,
  origin: string,
): Promise<Finding | undefined> {
  const { steps, judge } = suspicion.experiment(tag);
  const answers: Exchange[] = [];
  for (const step of steps) answers.push(await send(typeof step === 'function' ? step(answers) : step));
  const evidence = judge(answers);
  if (evidence === undefined) return undefined;
  const { kind, severity, title, where } = suspicion;
  return {
    id: findingId(kind, where, title),
    kind,
    severity,
    title,
    where,
    reproduction: answers.map(({ request }) => curl(origin, request)).join('\n'),
    evidence: excerpt(evidence),
    confirmed: true,
  };
}

/** The same defect has the same id in every run. */
export const findingId = (...parts: string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12);

/** At most 400 characters, without control characters. */
export const excerpt = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, EVIDENCE_CHARS);

const keyOf = ({ kind, title }: Suspicion): string => `${kind}\n${title}`;

/** Worst first; at most a number of each kind, so that a product that fails everywhere still gets a readable report. */
function bounded(suspicions: Suspicion[], note: (text: string) => void): Suspicion[] {
  const deadPages = new Set(suspicions.filter(({ kind }) => kind === 'main-path').map(({ where }) => where));
  const counts = new Map<string, number>();
  const kept = suspicions
    .filter(({ kind, where }) => kind !== 'server-error' || !deadPages.has(where))
    .toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
  return kept.filter(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count === MOST_OF_A_KIND + 1)
      note(`More than ${MOST_OF_A_KIND} suspicions of ${kind}: the rest was not replayed.`);
    return count <= MOST_OF_A_KIND;
  });
}

const sortFindings = (findings: Finding[]): Finding[] =>
  findings.toSorted(
    (a, b) =>
      RANK[a.severity] - RANK[b.severity] || a.kind.localeCompare(b.kind) || a.where.localeCompare(b.where),
  );
