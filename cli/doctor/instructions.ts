import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFacts } from '../claude_md/facts.ts';
import { INSTRUCTIONS, staleNames } from '../claude_md/stale.ts';
import type { Product } from '../factories.ts';
import { type Finding, note, ok } from './finding.ts';

const MOST_SHOWN = 6;

/** Whether what CLAUDE.md and AGENTS.md of the product name (scripts, targets, files) is still there. */
export async function checkInstructions(product: Product | undefined): Promise<Finding[]> {
  if (!product) return [];
  const { repository: root } = product;
  const facts = await readFacts(root).catch(() => undefined);
  if (!facts) return [];
  const findings = await Promise.all(
    INSTRUCTIONS.map(async (name) => {
      const text = await readFile(join(root, name), 'utf8').catch(() => undefined);
      return text === undefined ? [] : [findingOf(name, await staleNames(text, root, facts))];
    }),
  );
  return findings.flat();
}

function findingOf(name: string, stale: Awaited<ReturnType<typeof staleNames>>): Finding {
  if (stale.length === 0) return ok(name, 'what it names is there');
  const shown = stale.slice(0, MOST_SHOWN).map(({ line, names }) => `${names} (line ${line})`);
  const more = stale.length > MOST_SHOWN ? `, and ${stale.length - MOST_SHOWN} more` : '';
  return note(
    name,
    `names what is not there: ${shown.join(', ')}${more}`,
    `Correct ${name}: agents try what it says before they look.`,
  );
}
