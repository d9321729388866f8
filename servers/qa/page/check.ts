import type { Check } from '../checks.ts';
import { findBrowser, placed } from './find_browser.ts';
import { pageReport } from './types.ts';

/** Bounds of one look at a product's pages. */
export const PAGE_BUDGET = { pages: 12, ms: 240_000 };
const AROUND_MS = 90_000;
const MB = 1024 * 1024;
/** A browser is many processes, and its own shared memory. */
export const BROWSER_LIMITS = {
  processes: 600,
  dataBytes: 6_144 * MB,
  tmpBytes: 1_024 * MB,
  fileBytes: 1_024 * MB,
};

/** Looks at the product's pages with a real browser; see inspect.ts. */
export const pagesCheck: Check = {
  name: 'pages',
  needs: 'product',
  async run(target, { finding, notTested, progress }, signal) {
    const found = await findBrowser();
    const { browser, layers } = target.sandbox
      ? placed(found, target.sandbox)
      : { browser: found, layers: [] };
    const [user] = target.auth?.users ?? [];
    const input = {
      browser,
      budget: PAGE_BUDGET,
      allow: target.allow,
      shownOrigin: target.origin,
      ...(target.path && { path: target.path }),
      ...(user && { headers: user.headers }),
    };
    const limits = { ...BROWSER_LIMITS, wallMs: PAGE_BUDGET.ms + AROUND_MS };
    const result = await target.run({ program: 'qa-pages', input, limits, layers, signal, progress });
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
