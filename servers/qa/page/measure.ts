import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Fault } from './dom/types.ts';
import { unlessGone } from './window.ts';

/** Long enough for a transition that has just begun to move what was measured. */
const AGAIN_MS = 250;

/**
 * Holds the page as it stands against the geometry rules; what was `opened` just now is held against the stricter
 * ones. What is found is measured a second time a moment later, and only what is found both times counts.
 */
export async function measure(page: Page, opened = false): Promise<Fault[]> {
  const first = await measureOnce(page, opened);
  if (first.length === 0) return first;
  await sleep(AGAIN_MS);
  const keyOf = (fault: Fault) => `${fault.class} ${fault.selector}`;
  const second = new Set((await measureOnce(page, opened)).map(keyOf));
  return first.filter((fault) => second.has(keyOf(fault)));
}

const measureOnce = (page: Page, opened: boolean): Promise<Fault[]> =>
  page
    .evaluate((isOpened) => {
      const qa = window.millwrightQa;
      const roots = isOpened
        ? qa.opened.filter((root) => root.isConnected && qa.isVisible(root))
        : [document.body];
      const faults = isOpened ? [] : qa.horizontalScroll();
      for (const root of roots) {
        const cut = qa.clipped(root, isOpened);
        const outside = qa.offScreen(root, isOpened);
        const isCut = new Set(cut.map(({ selector }) => selector));
        // What is cut as a whole is not told again for each of its texts.
        const texts =
          isOpened && cut.length > 0 ? [] : qa.cutText(root).filter(({ selector }) => !isCut.has(selector));
        faults.push(...cut, ...outside, ...texts, ...qa.overlap(root));
        // What is cut or outside cannot be clicked either: one defect, told once.
        if (cut.length === 0 && outside.length === 0) faults.push(...qa.unreachable(root));
      }
      return faults;
    }, opened)
    .catch(unlessGone([]));

/** Images that were asked for and do not load. */
export const brokenImages = (page: Page): Promise<Fault[]> =>
  page.evaluate(() => window.millwrightQa.brokenImages()).catch(unlessGone([]));

/** Lets lazy images load, and what appears on the way. */
export async function scrollThrough(page: Page): Promise<void> {
  await page
    .evaluate(async () => {
      for (let y = 0; y < Math.min(document.documentElement.scrollHeight, 12_000); y += innerHeight) {
        window.scrollTo({ top: y, behavior: 'instant' });
        await window.millwrightQa.pause(60);
      }
      window.scrollTo({ top: 0, behavior: 'instant' });
    })
    .catch(() => undefined);
}

const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
/** Chromium and Firefox give the keyboard to what scrolls by themselves; axe does not know it. */
const LEFT_OUT = { 'scrollable-region-focusable': { enabled: false } };
const SEVERITY = { critical: 'high', serious: 'medium', moderate: 'low', minor: 'low' } as const;
let axe: Promise<string> | undefined;

/** What axe-core finds against WCAG 2.1 A and AA; `rules` asks for some only. */
export async function accessibility(page: Page, rules?: readonly string[]): Promise<Fault[]> {
  axe ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const source = await axe;
  await page.evaluate(`if (!window.axe) { ${source} }`);
  const only = rules ? { type: 'rule', values: rules } : { type: 'tag', values: AXE_TAGS };
  const violations = await page.evaluate(
    async ({ runOnly, without }) => {
      type Violation = {
        id: string;
        impact?: string;
        help: string;
        nodes: { target: unknown[]; failureSummary?: string }[];
      };
      const run = (
        window as unknown as {
          axe: { run(root: Document, options: object): Promise<{ violations: Violation[] }> };
        }
      ).axe;
      const { violations } = await run.run(document, {
        runOnly,
        rules: without,
        resultTypes: ['violations'],
        iframes: false,
      });
      return violations.map(({ id, impact, help, nodes }) => {
        const target = String(nodes[0]?.target[0] ?? '');
        let box = { left: 0, top: 0, right: 0, bottom: 0 };
        try {
          const { left, top, right, bottom } = document.querySelector(target)?.getBoundingClientRect() ?? box;
          box = {
            left: left + scrollX,
            top: top + scrollY,
            right: right + scrollX,
            bottom: bottom + scrollY,
          };
        } catch {
          // A selector through a shadow root.
        }
        const why = (nodes[0]?.failureSummary ?? '').split('\n').slice(1, 2).join('').trim();
        return { id, impact: impact ?? 'minor', help, count: nodes.length, target, why, box };
      });
    },
    { runOnly: only, without: rules ? {} : LEFT_OUT },
  );
  return violations.map(({ id, impact, help, count, target, why, box }) => ({
    class: 'accessibility',
    severity: SEVERITY[impact as keyof typeof SEVERITY] ?? 'low',
    selector: target.slice(0, 300),
    what: `${help} (axe: ${id}, ${count} ${count === 1 ? 'place' : 'places'}). ${why}`.slice(0, 600),
    box,
  }));
}
