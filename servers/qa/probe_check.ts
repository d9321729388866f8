import { PROBE_BUDGET } from '../core/gates.ts';
import type { Check } from './checks.ts';
import { openApiIn } from './openapi_file.ts';
import { browserFor, NO_BROWSER } from './probe_browser.ts';
import { reportOf } from './report.ts';

const AROUND_MS = 60_000;

/** Attacks the running product; see probe/probe.ts. */
export const probeCheck: Check = {
  name: 'probe',
  needs: 'product',
  parts: ['cost'],
  async run(target, { finding, notTested, nothing, unreached, progress, ran, part }, signal) {
    if (target.kind === 'static')
      return nothing('pages of files alone have no server of their own to attack.');
    const view = await browserFor(target.sandbox);
    if (!view) notTested(`probe: ${NO_BROWSER}`);
    const limits = { ...view?.limits, wallMs: PROBE_BUDGET.ms + AROUND_MS };
    const { auth, allow } = target;
    const openapi = target.folder === undefined ? undefined : await openApiIn(target.folder);
    const input = {
      seed: 1,
      budget: PROBE_BUDGET,
      allow,
      ...(auth && { auth }),
      ...(openapi !== undefined && { openapi }),
      ...(view && { browser: view.browser }),
    };
    const result = await target.run({
      program: 'qa-probe',
      input,
      limits,
      layers: view?.layers ?? [],
      signal,
    });
    const report = reportOf(result.report);
    if (!report) throw new Error(result.why || 'the probe made no report');
    for (const { kind, severity, where, title, evidence, reproduction, confirmed } of report.findings)
      finding({
        class: kind,
        severity,
        // A file of the bundle is none of the project.
        where: /^[\w.-]+\.m?js$/.test(where) ? (target.entry ?? where) : where,
        what: `${title}. ${evidence}`.slice(0, 2_000),
        reproduce: reproduction,
        confirmed,
      });
    ran({ probe: report });
    const cost = report.checks.find(({ name, ran }) => name === 'cost' && ran);
    if (cost) part('cost', cost.ms);
    if (report.unreached?.kind === 'form') unreached(report.unreached.why);
    else if (report.unreached) notTested(`probe: ${report.unreached.why}`);
    for (const what of report.notTested) notTested(`probe: ${what}`);
    progress(`${report.requests} requests`);
  },
};
