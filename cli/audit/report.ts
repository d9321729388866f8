import { PRESETS, readDefinition } from '../../servers/core/factory/create.ts';
import { type Definition, parseDefinition } from '../../servers/core/factory/parse.ts';
import { PACKAGE_ROOT } from '../../servers/core/version.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { table } from '../io.ts';
import { type Audit, auditWords, MOST } from './audit.ts';
import { sentencesOf } from './remedies.ts';

/** What tools and words take at least, in characters a token; an estimate by it is seldom too low. */
const CHARACTERS_A_TOKEN = 4;

/** An estimate for where no tokenizer is installed. */
export const estimatedTokens = (text: string): number => Math.ceil(text.length / CHARACTERS_A_TOKEN);

/** Audits definitions against all tools of the fleet, and their remedies where the sources are there. */
export async function auditAll(
  definitions: readonly Definition[],
  count: (text: string) => number,
): Promise<{ audits: Audit[]; readSources: boolean }> {
  const tools = [...(await loadFleet()).tools.values()];
  const means = { tools, count: countedOnce(count) };
  const sentences = sentencesOf(PACKAGE_ROOT, new Set(tools.map(({ name }) => name)));
  return {
    audits: definitions.map((definition) => auditWords(definition, { ...means, sentences })),
    readSources: sentences !== undefined,
  };
}

/** Most texts come again with every role that sees the same tools. */
function countedOnce(count: (text: string) => number): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const tokens = known.get(text) ?? count(text);
    known.set(text, tokens);
    return tokens;
  };
}

/** The shipped factories. */
export const shippedDefinitions = (): Promise<Definition[]> =>
  Promise.all(PRESETS.map(async (preset) => parseDefinition(await readDefinition(preset))));

/** A table a factory, and under it what is wrong. */
export const reportOf = (audits: readonly Audit[]): string => audits.map(textOf).join('\n\n');

function textOf({ factory, roles, alike, conflicts, findings }: Audit): string {
  const rows = roles.map((row) => [
    row.role,
    ...[row.tools, row.toolTokens, row.brief, row.prompt, row.soul, row.instructions].map(String),
  ]);
  const most = [
    'at most',
    '',
    ...[MOST.tools, MOST.brief, MOST.prompt, MOST.soul, MOST.instructions].map(String),
  ];
  return [
    factory,
    table(['role', 'tools', 'their tokens', 'brief', 'prompt', 'soul', 'instructions'], [...rows, most]),
    alike
      ? `most alike  ${alike.roles.join(', ')}: ${alike.likeness.toFixed(2)} (at most ${MOST.alike}; cosine of word stems)`
      : 'most alike  there is one role only',
    `conflicts   ${conflicts.map((pair) => pair.join(' against ')).join(', ') || 'none is named'}`,
    ...(findings.length === 0 ? ['no finding'] : findings.map((finding) => `FINDING  ${finding}`)),
  ].join('\n');
}
