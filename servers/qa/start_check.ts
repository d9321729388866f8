import * as z from 'zod';
import type { Check } from './checks.ts';

const report = z.object({
  started: z.boolean(),
  status: z.int().optional(),
  why: z.string().optional(),
  ms: z.number(),
});

const ENDED_WELL = /: it ended with 0\./;

/** Starts the product once: one that does not come up, or answers its first page with an error, is FAIL. */
export const startCheck: Check = {
  name: 'start',
  needs: 'product',
  async run(target, { finding, notTested, progress }, signal) {
    if (target.fault !== undefined)
      return finding({
        class: 'no-start',
        severity: 'critical',
        where: target.entry ?? 'the build',
        what: `The product can not be built: ${target.fault}`.slice(0, 2_000),
        reproduce: target.kind === 'worker' ? 'npx wrangler deploy --dry-run' : 'npm run build',
        confirmed: true,
      });
    const result = await target.run({ program: 'qa-start', input: {}, limits: { wallMs: 60_000 }, signal });
    if (result.report === undefined) throw new Error(result.why);
    const { started, status = 0, why = '', ms } = report.parse(result.report);
    if (started && status < 500) return progress(`answers with ${status} after ${Math.round(ms)} ms`);
    if (!started && target.guessed && ENDED_WELL.test(why)) {
      target.kind = 'sources';
      return notTested(
        'start: it ends well and listens nowhere, and no script starts it: taken for a library',
      );
    }
    finding({
      class: 'no-start',
      severity: 'critical',
      where: started ? 'GET /' : (target.entry ?? 'GET /'),
      what: started
        ? `The product answers its first request with ${status}.`
        : `The product does not start: ${wordsOf(why)}`.slice(0, 2_000),
      reproduce: started ? `curl -i ${target.origin}/` : (target.start ?? `curl -i ${target.origin}/`),
      confirmed: true,
    });
  },
};

const ERROR = /^\s*(?:Uncaught )?((?:[A-Z]\w*)?Error\b.*)$/m;

/** What a product said when it did not start, its error before the rest; paths as the project has them. */
function wordsOf(why: string): string {
  const own = why.replace(/\/\S*?\/job\/project\/|\/job\/project\//g, '');
  const error = ERROR.exec(own)?.[1];
  return error === undefined || own.startsWith(error) ? own : `${error}\n${own}`;
}
