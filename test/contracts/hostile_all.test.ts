import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { setCanaries } from './canaries.ts';
import { fleetTools } from './fleet.ts';
import { attack, expectUnharmed, tablesOf } from './hostile_attack.ts';
import { textArguments } from './hostile_inputs.ts';
import { hostileSite } from './hostile_site.ts';
import { attacks, NAUGHTY } from './strings.ts';

/** Where `npm run test:hostile` leaves its figures; other runs of this file leave none. */
const FIGURES = process.env.HOSTILE_FIGURES;

/** What was sent to one tool, and what came of it. */
interface ToolFigures {
  tool: string;
  arguments: number;
  texts: number;
  calls: number;
  taken: number;
  faults: number;
  /** Canaries that were reached, or came up where they must not. */
  sung: number;
  seconds: number;
}

const tools = await fleetTools();
const attacked = tools.filter((tool) => textArguments(tool).length > 0);

test.runIf(FIGURES !== undefined).each(attacked)(
  'every hostile text alone in every argument of $shown.name is refused with a known code or kept as it is',
  async (tool) => {
    const since = performance.now();
    const at = await hostileSite(tools);
    const canaries = await setCanaries();
    const tables = await tablesOf(at.factory.services.store.db);
    const texts = [...attacks(canaries), ...NAUGHTY];

    const { faults, calls, taken } = await attack(at, tool, texts, canaries, { all: true });

    const sung = [...(await canaries.sung()), ...(await canaries.leakedInto(at.factory.home))];
    await note({
      tool: tool.shown.name,
      arguments: textArguments(tool).length,
      texts: texts.length,
      calls,
      taken,
      faults: faults.length,
      sung: sung.length,
      seconds: Math.round((performance.now() - since) / 1000),
    });
    expect(faults).toEqual([]);
    await expectUnharmed(at, canaries, tables, tool.shown.name);
  },
  3_600_000,
);

/** Adds a tool to the figures; those of tools that are gone go. */
async function note(figures: ToolFigures): Promise<void> {
  if (FIGURES === undefined) return;
  const known = existsSync(FIGURES)
    ? (JSON.parse(await readFile(FIGURES, 'utf8')).each as ToolFigures[])
    : [];
  const each = tools.flatMap(({ shown: { name } }) =>
    name === figures.tool ? [figures] : known.filter(({ tool }) => tool === name),
  );
  const sum = (key: 'arguments' | 'calls' | 'taken' | 'faults' | 'sung' | 'seconds') =>
    each.reduce((total, one) => total + one[key], 0);
  const summary = {
    tools: each.length,
    of: attacked.length,
    arguments: sum('arguments'),
    texts: Math.max(...each.map(({ texts }) => texts)),
    calls: sum('calls'),
    taken: sum('taken'),
    refused: sum('calls') - sum('taken'),
    faults: sum('faults'),
    sung: sum('sung'),
    seconds: sum('seconds'),
  };
  await writeFile(FIGURES, `${JSON.stringify({ ...summary, each }, null, 2)}\n`);
}
