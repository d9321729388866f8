import type { Page } from 'playwright-core';
import type { Fault } from './dom/types.ts';
import { unlessGone } from './window.ts';

const LONG_WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
const LONG_TEXT = `${LONG_WORD} and a name that goes on and on`;
const DEEP = 8;

/** The same data with every list empty. */
export const emptied = (value: unknown): unknown =>
  mapped(value, (item) => (Array.isArray(item) ? [] : undefined));

/** The same data with long strings where names and texts are: not ids, dates, addresses or codes. */
export const lengthened = (value: unknown): unknown =>
  mapped(value, (item, key) => {
    if (
      typeof item !== 'string' ||
      item.length < 3 ||
      /id$|url|href|date|time|at$|token|slug|path|type|status/i.test(key)
    )
      return undefined;
    return /^[\w-]+$/.test(item) && /\d/.test(item) ? undefined : `${item} ${LONG_TEXT}`;
  });

function mapped(
  value: unknown,
  change: (item: unknown, key: string) => unknown,
  key = '',
  depth = 0,
): unknown {
  const changed = change(value, key);
  if (changed !== undefined || depth > DEEP) return changed ?? value;
  if (Array.isArray(value)) return value.map((item) => mapped(item, change, key, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, mapped(item, change, name, depth + 1)]),
  );
}

/**
 * Types something long into every text field and asks whether the page holds it. What is found this way is advice:
 * it was not the product's own content.
 */
export async function fillWithLongText(page: Page): Promise<Fault[]> {
  const fields = await page
    .locator(
      'input[type=text]:visible, input:not([type]):visible, input[type=search]:visible, textarea:visible',
    )
    .all()
    .catch(() => []);
  for (const field of fields.slice(0, 10))
    await field.fill(LONG_TEXT, { timeout: 500 }).catch(() => undefined);
  const faults = await page
    .evaluate(() => window.millwrightQa.horizontalScroll())
    .catch(unlessGone<Fault[]>([]));
  return faults.map(advice('with a long text in its fields'));
}

/** Turns a fault under content of ours into advice. */
export const advice =
  (how: string) =>
  (fault: Fault): Fault => ({ ...fault, severity: 'low', what: `${fault.what} (${how})` });
