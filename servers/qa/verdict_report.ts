import type { Judgement } from './verdict.ts';

const SHOWN = 12;
const MAX_CHARS = 20_000;

/**
 * The verdict as a page for whoever builds next: worst first, each with the way to see it again. What the product
 * said is quoted as data.
 */
export function verdictReport({ evidence, reasons, ran, digest }: Judgement): string {
  const { commit, verdict, criteria } = evidence;
  const { suite, probe } = ran;
  const findings = probe?.findings ?? [];
  const parts = [
    `# ${verdict}: ${commit.slice(0, 12)}`,
    section(
      'Why',
      reasons.map((reason) => `- ${reason}`),
    ),
    section(
      'What the probe proved',
      findings
        .slice(0, SHOWN)
        .map(
          ({ severity, title, where, evidence: seen, reproduction }) =>
            `### ${severity}: ${title}\n\n${where}. ${seen.slice(0, 300)}\n\n${code(reproduction, 8)}`,
        ),
    ),
    suite &&
      section('Tests', [
        `\`${suite.command}\`: ${suite.passed} passed, ${suite.failed.length} failed, ${suite.flaky.length} flaky, ${suite.runs} runs; ${suite.launch.state}, ${suite.launch.why.split('\n')[0]}`,
        ...suite.acts.map(({ act, at }) => `- hostile: ${act}${at && ` (${at})`}`),
        ...suite.failed.slice(0, SHOWN).map((id) => `- failed: ${id}`),
        ...suite.flaky.slice(0, SHOWN).map((id) => `- flaky: ${id}`),
        ...suite.patterns.slice(0, SHOWN).map((found) => `- ${found}`),
      ]),
    section(
      'Criteria',
      criteria.map(
        ({ criterion, checks, fault }, index) =>
          `${index + 1}. ${criterion}: ${fault ?? `shown by ${checks.join(', ')}`}`,
      ),
    ),
    suite && section('What the tests are worth', worth(suite)),
    section(
      'Not tested',
      [...(suite?.not_tested ?? []), ...(probe?.notTested ?? [])].slice(0, SHOWN).map((text) => `- ${text}`),
    ),
    `Evidence: verdict ${digest}.`,
  ];
  return parts.filter(Boolean).join('\n\n').slice(0, MAX_CHARS).toWellFormed();
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `## ${title}\n\n${lines.join('\n')}`;

const code = (text: string, lines: number): string =>
  text
    .split('\n')
    .slice(0, lines)
    .map((line) => `    ${line.slice(0, 600)}`)
    .join('\n');

function worth({ coverage, proof: { without, mutants } }: NonNullable<Judgement['ran']['suite']>): string[] {
  return [
    coverage.measured
      ? `- ${coverage.covered} of ${coverage.lines} changed lines ran. Not: ${coverage.missed.slice(0, SHOWN).join(', ') || 'none'}.`
      : `- Changed lines: ${coverage.why}.`,
    'why' in without
      ? `- Tests without the change: not tried, ${without.why}.`
      : `- ${without.tests} new tests; these pass without the change too and prove nothing: ${without.passing.slice(0, SHOWN).join('; ') || 'none'}.`,
    'why' in mutants
      ? `- Altered sources: ${mutants.why}.`
      : `- ${mutants.killed} of ${mutants.tried} defects put into changed lines were noticed. Not: ${mutants.survived.join('; ') || 'none'}.`,
  ];
}
