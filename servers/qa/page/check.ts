import { PAGE_BUDGET } from '../../core/gates.ts';
import type { Sandbox } from '../../core/sandbox/sandbox.ts';
import type { Check } from '../checks.ts';
import type { ProgramRun } from '../target.ts';
import { findBrowser, placed } from './find_browser.ts';
import { pageReport } from './types.ts';

const AROUND_MS = 90_000;
const MB = 1024 * 1024;
/** What a sandbox with a browser in it needs: it is many processes, and its own shared memory. */
export const BROWSER_LIMITS = {
  processes: 600,
  dataBytes: 6_144 * MB,
  tmpBytes: 1_024 * MB,
  fileBytes: 1_024 * MB,
};

/** The run of the page program in this sandbox, or here without one. Throws `BrowserMissing`. */
export async function pagesRun(
  sandbox: Sandbox | undefined,
  more: Record<string, unknown>,
): Promise<ProgramRun> {
  const found = await findBrowser();
  const { browser, layers } = sandbox ? placed(found, sandbox) : { browser: found, layers: [] };
  const limits = { ...BROWSER_LIMITS, wallMs: PAGE_BUDGET.ms + AROUND_MS };
  return { program: 'qa-pages', input: { browser, budget: PAGE_BUDGET, ...more }, limits, layers };
}

/** Looks at the product's pages with a real browser; see inspect.ts. */
export const pagesCheck: Check = {
  name: 'pages',
  needs: 'product',
  async run(target, { finding, notTested, progress }, signal) {
    const [user] = target.auth?.users ?? [];
    const run = await pagesRun(target.sandbox, {
      allow: target.allow,
      shownOrigin: target.origin,
      ...(target.path && { path: target.path }),
      ...(user && { headers: user.headers }),
    });
    const result = await target.run({ ...run, signal, progress });
    const report = pageReport.safeParse(result.report).data;
    if (!report) throw new Error(result.why || 'the pages could not be looked at');
    for (const { picture, ...found } of report.findings)
      finding(found, picture ? result.files.get(picture) : undefined);
    for (const what of report.notTested) notTested(`pages: ${what}`);
    if (report.pages === 0) notTested('pages: the product has no page that links or its root lead to.');
    for (const { file } of report.pictures) {
      const bytes = result.files.get(file);
      if (bytes) target.keep?.(file, bytes);
    }
    progress(
      `${report.pages} pages in ${report.visits} windows, ${report.opened} menus, dialogs and pickers opened`,
    );
  },
};
