import type { Figures } from './figures.ts';
import { barsOf, classTable, hostileTable, secondsTable, summaryOf } from './table.ts';

/**
 * The page of a whole run for docs/figures: counts by class, and no place of any product, because those who write
 * rules read it.
 */
export function documentOf(figures: Figures, at: Date): string {
  return `# What \`millwright qa\` finds of the corpus

Written by \`npm run test:qa\` on ${at.toISOString().slice(0, 10)}, of the whole corpus on one build. What counts as found and as a false alarm
stands in test/qa/recall/README.md, what the classes mean in docs/qa-classes.md.

${summaryOf(figures)} ${barsOf(figures)}

${classTable(figures)}

Seconds of one entry, on average, by kind of product and check:

${secondsTable(figures)}

${hostileTable(figures)}
`;
}
