import { type Figures, RECALL } from './figures.ts';
import { listed, table } from './markdown.ts';

/** What was counted, for a terminal: the tables, then each place that was missed, alarmed falsely, untested or harmed. */
export function tableOf(figures: Figures): string {
  const sections = [
    classTable(figures),
    summaryOf(figures),
    secondsTable(figures),
    listed('Missed', missed(figures)),
    listed('False alarms', alarms(figures)),
    listed('Untested', untested(figures)),
    hostileTable(figures),
    barsOf(figures),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** A row for each class. */
export function classTable(figures: Figures): string {
  const rows = figures.classes.map((row) => [
    `\`${row.class}\``,
    row.planted,
    row.found,
    row.missed,
    row.untested,
    row.twins,
    row.false_alarms,
    row.low,
    row.seconds,
  ]);
  const { planted, found, twins, false_alarms, low_on_twins, classes } = figures;
  const sum = (of: 'missed' | 'untested') => classes.reduce((all, row) => all + row[of], 0);
  return table(
    ['class', 'planted', 'found', 'missed', 'untested', 'twins', 'false alarms', 'low on twins', 's each'],
    [
      ...rows,
      ['**all**', planted, found, sum('missed'), sum('untested'), twins, false_alarms, low_on_twins, ''],
    ],
  );
}

/** The figures in words. */
export function summaryOf(figures: Figures): string {
  const { planted, recall_percent, page_only, false_alarms, twins, stale, not_run, again } = figures;
  const recall =
    planted === 0
      ? 'Nothing was planted'
      : `${recall_percent} % found (at least ${RECALL * 100} %), ${page_only} of them named only by their page`;
  const parts = [
    recall,
    `${false_alarms} false alarms on ${twins} twins`,
    `${figures.untested} untested`,
    ...(not_run > 0 ? [`${not_run} not run`] : []),
    ...(stale > 0 ? [`${stale} known from another build or an older state of the entry only`] : []),
    ...(again > 0 ? [`${again} run more than once on this build`] : []),
    `${figures.seconds} s, at most ${figures.workers} at once`,
  ];
  return `${parts.join('; ')}.`;
}

/** Where the seconds of an entry go, by kind. */
export function secondsTable({ kinds }: Figures): string {
  if (kinds.length === 0) return '';
  const names = [...new Set(kinds.flatMap(({ checks }) => Object.keys(checks)))];
  return table(
    ['kind', 'entries', 's each', ...names, 'the rest'],
    kinds.map((row) => [
      row.kind,
      row.entries,
      row.each,
      ...names.map((name) => row.checks[name] ?? 0),
      row.rest,
    ]),
  );
}

export const barsOf = ({ ok }: Figures): string => (ok ? 'Every bar holds.' : 'A bar does not hold.');

export const hostileTable = ({ hostile_projects }: Figures): string =>
  hostile_projects.length === 0
    ? ''
    : table(
        ['hostile project', 'verdict', 'reason', 'harm'],
        hostile_projects.map(({ id, verdict, reason, harm }) => [
          id,
          verdict,
          reason,
          harm.join('; ') || 'none',
        ]),
      );

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
