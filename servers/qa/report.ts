import * as z from 'zod';
import type { ProbeReport } from './probe/types.ts';

const finding = z.object({
  id: z.string().max(64),
  kind: z.string().max(64),
  severity: z.enum(['critical', 'high', 'medium', 'low']),
  title: z.string().max(1_000),
  where: z.string().max(2_500),
  reproduction: z.string().max(200_000),
  regression: z.string().max(400_000),
  evidence: z.string().max(2_000),
  confirmed: z.literal(true),
});

const report = z.object({
  origin: z.string(),
  seed: z.int(),
  complete: z.boolean(),
  findings: z.array(finding).max(1_000),
  checks: z.array(z.object({ name: z.string(), ran: z.boolean(), requests: z.int(), ms: z.int() })),
  notTested: z.array(z.string()),
  unreached: z.object({ kind: z.enum(['form', 'identity']), why: z.string().max(4_000) }).optional(),
  requests: z.int(),
  ms: z.int(),
}) satisfies z.ZodType<ProbeReport>;

export type Report = z.output<typeof report>;
type Finding = z.output<typeof finding>;

/** A finding as an agent reads it; `reproduction` is one command an entry. */
export interface ShownFinding {
  severity: string;
  kind: string;
  title: string;
  where: string;
  evidence: string;
  reproduction: string[];
}

const SHOWN_CHARS = 8_000;
/** Even one finding alone, its quotes escaped, fits. */
const COMMANDS = 5;
const COMMAND_CHARS = 600;

/** The report that the probe printed; undefined when it printed none. */
export function readReport(stdout: string): Report | undefined {
  try {
    return reportOf(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

/** The same, of JSON that was read; undefined when it is no report. */
export const reportOf = (value: unknown): Report | undefined => report.safeParse(value).data;

/** A report about a change that could not even be built or started by us. */
export function reportOfNoProduct(title: string, evidence: string, seed: number): Report {
  const found: Finding = {
    id: 'build',
    kind: 'no-start',
    severity: 'critical',
    title,
    where: 'wrangler.jsonc',
    reproduction: 'npx wrangler deploy --dry-run',
    regression: '',
    evidence: evidence.slice(0, 2_000),
    confirmed: true,
  };
  const notTested = ['Everything else: there was nothing to probe.'];
  return {
    origin: '',
    seed,
    complete: true,
    findings: [found],
    checks: [{ name: 'build', ran: true, requests: 0, ms: 0 }],
    notTested,
    requests: 0,
    ms: 0,
  };
}

/** A report about a product that serves nothing. */
export const reportOfNothing = (why: string, seed: number): Report => ({
  origin: '',
  seed,
  complete: true,
  findings: [],
  checks: [],
  notTested: [`Everything: ${why}.`],
  requests: 0,
  ms: 0,
});

/**
 * Why a report closes nothing; undefined when it does: the probe finished, proved nothing that fails a verdict, and
 * was not refused everywhere for the form of what it sent. Where all want an identity nobody can be given one here.
 */
export function faultOf({ complete, findings, requests, unreached }: Report): string | undefined {
  const bad = findings.filter(({ severity }) => severity !== 'low');
  const [worst] = bad;
  if (worst)
    return `the probe proved ${bad.length}: ${worst.severity}, ${worst.title} (${worst.where})`.slice(0, 400);
  if (requests === 0) return 'the probe sent no request';
  if (!complete) return 'the probe did not finish within its budget';
  return unreached?.kind === 'form' ? unreached.why.slice(0, 400) : undefined;
}

/** Findings, worst first, as many as fit into an answer. */
export function shownFindings({ findings }: Report): ShownFinding[] {
  const shown: ShownFinding[] = [];
  let left = SHOWN_CHARS;
  for (const { severity, kind, title, where, evidence, reproduction } of findings) {
    const one = {
      severity,
      kind,
      title: title.slice(0, 200),
      where: where.slice(0, 200),
      evidence: evidence.slice(0, 400),
      reproduction: reproduction
        .split('\n')
        .slice(0, COMMANDS)
        .map((line) => line.slice(0, COMMAND_CHARS)),
    };
    left -= JSON.stringify(one).length;
    if (left < 0) break;
    shown.push(one);
  }
  return shown;
}
