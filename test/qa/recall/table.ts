import { type Figures, RECALL } from './figures.ts';

/** What was counted, as Markdown: a row for each class, then what was missed, alarmed falsely, untested or harmed. */
export function tableOf(figures: Figures): string {
  const { planted, found, twins, false_alarms, low_on_twins, recall_percent, page_only } = figures;
  const rows = figures.classes.map((row) => [
    `\`${row.class}\``,
    row.planted,
    row.found,
    row.twins,
    row.false_alarms,
    row.low,
  ]);
  const sections = [
    table(
      ['class', 'planted', 'found', 'twins', 'false alarms', 'low on twins'],
      [...rows, ['**all**', planted, found, twins, false_alarms, low_on_twins]],
    ),
    `${planted === 0 ? 'Nothing was planted' : `${recall_percent} % found (at least ${RECALL * 100} %)`}, ${page_only} of them named only by their page; ${false_alarms} false alarms on ${twins} twins; ${figures.untested} untested; ${figures.seconds} s.`,
    listed('Missed', missed(figures)),
    listed('False alarms', alarms(figures)),
    listed('Untested', untested(figures)),
    figures.hostile === 0 ? '' : hostileTable(figures),
    figures.ok ? 'Every bar holds.' : 'A bar does not hold.',
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

const missed = ({ cases }: Figures) =>
  cases.flatMap(({ id, missed, untested }) =>
    missed.map((one) => {
      const seen = one.seen.length > 0 ? `; seen at ${one.seen.slice(0, 3).join(' and ')}` : '';
      return `${id}: \`${one.class}\` at ${one.where}${untested === undefined ? seen : '; untested'}`;
    }),
  );

const alarms = ({ cases }: Figures) =>
  cases.flatMap(({ id, alarms }) =>
    alarms.map(
      (one) => `${id}: \`${one.class}\` (${one.severity}) at ${one.where}: ${one.what.slice(0, 200)}`,
    ),
  );

const untested = ({ cases }: Figures) =>
  cases.flatMap(({ id, untested: why }) => (why === undefined ? [] : [`${id}: ${why}`]));

const hostileTable = ({ hostile_projects }: Figures) =>
  table(
    ['hostile project', 'verdict', 'reason', 'harm'],
    hostile_projects.map(({ id, verdict, reason, harm }) => [id, verdict, reason, harm.join('; ') || 'none']),
  );

const table = (head: readonly string[], rows: readonly (string | number)[][]): string =>
  [head, head.map(() => '---'), ...rows]
    .map(
      (cells) =>
        `| ${cells.map((cell) => String(cell).replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`,
    )
    .join('\n');

const listed = (title: string, lines: readonly string[]): string =>
  lines.length === 0
    ? ''
    : [`${title}:`, ...lines.map((line) => `- ${line.replaceAll(/\s+/g, ' ')}`)].join('\n');
