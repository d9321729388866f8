import { PROBE_BUDGET } from '../core/gates.ts';
import type { Check } from './checks.ts';
import { openApiIn } from './openapi_file.ts';
import { reportOf } from './report.ts';

const AROUND_MS = 60_000;

/** Attacks the running product; see probe/probe.ts. */
export const probeCheck: Check = {
  name: 'probe',
  needs: 'product',
  async run(target, { finding, notTested, progress }, signal) {
    if (target.kind === 'static')
      return notTested('probe: pages of files alone have no server of their own to attack.');
    const limits = { wallMs: PROBE_BUDGET.ms + AROUND_MS };
    const { auth, allow } = target;
    const openapi = target.folder === undefined ? undefined : await openApiIn(target.folder);
    const input = {
      seed: 1,
      budget: PROBE_BUDGET,
      allow,
      ...(auth && { auth }),
      ...(openapi !== undefined && { openapi }),
    };
    const result = await target.run({ program: 'qa-probe', input, limits, signal });
    const report = reportOf(result.report);
    if (!report) throw new Error(result.why || 'the probe made no report');
    for (const { kind, severity, where, title, evidence, reproduction, confirmed } of report.findings)
      finding({
        class: kind,
        severity,
        where,
        what: `${title}. ${evidence}`.slice(0, 2_000),
        reproduce: reproduction,
        confirmed,
      });
    for (const what of report.notTested) notTested(`probe: ${what}`);
    progress(`${report.requests} requests`);
  },
};
