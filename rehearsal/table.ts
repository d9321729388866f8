import { styleText } from 'node:util';
import type { Rehearsal } from './result.ts';

/** The report for a person; colours only when `stream` is a terminal. */
export function printTable(result: Rehearsal, stream: NodeJS.WriteStream): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) => styleText(style, text, { stream });
  const mark = (ok: boolean) => (ok ? paint('green', 'yes') : paint('red', 'NO'));
  const lines = [
    '',
    paint('bold', result.request),
    '',
    paint('bold', 'Phases'),
    ...rows(
      ['phase', 'role', 'rounds', 'seconds', 'gates closed by evidence'],
      result.phases.map((phase) => [
        phase.name,
        phase.role,
        String(phase.rounds),
        (phase.ms / 1000).toFixed(1),
        phase.gates
          .map(
            (gate) =>
              `${gate.closed ? '' : 'OPEN '}${gate.name} ${gate.digest.slice(0, 8)}${gate.isolation ? ` (${gate.isolation})` : ''}`,
          )
          .join(', ') || '–',
      ]),
    ),
    '',
    paint('bold', 'Refused, as the record says'),
    ...rows(
      ['rule', 'role', 'tool', 'code'],
      result.refused.map(({ rule, role, tool, code }) => [rule, role, tool, code]),
    ),
    ...result.missing.map(({ rule, role, tool }) =>
      paint('red', `  NOT REFUSED: ${tool} by ${role}, which the rule ${rule} forbids`),
    ),
    '',
    paint('bold', 'Decided by the human'),
    ...rows(
      ['checkpoint', 'decision', 'assurance', 'digest'],
      result.checkpoints.map((one) => [one.name, one.decision, one.assurance, one.digest.slice(0, 16)]),
    ),
    '',
    paint('bold', 'Recovered'),
    ...rows(
      ['task', 'from', 'to', 'fence'],
      result.recovered.map((one) => [one.task, one.from, one.to, String(one.fence)]),
    ),
    '',
    paint('bold', 'Learned'),
    ...rows(
      ['lesson', 'given in', 'because of', 'its failure was'],
      result.lessons.map((one) => [one.lesson, one.task, one.matchedBy, one.outcome ?? '–']),
    ),
    '',
    paint('bold', 'Versions'),
    ...rows(
      ['release', 'went', 'seconds', 'requests of visitors that failed', 'because'],
      result.versions.map(({ release, state, step, ms, traffic: { during, after }, why }) => [
        release,
        state === 'live' ? `to ${step}` : `back from ${step}`,
        (ms / 1000).toFixed(1),
        `${during.failed} of ${during.asked}, then ${after.failed} of ${after.asked}`,
        why,
      ]),
    ),
    '',
    `Release   ${result.release?.url ?? 'none'}  commit ${result.release?.commit.slice(0, 12) ?? '–'}  every endpoint verified: ${mark(result.release?.verified === true)}`,
    `Record    ${result.record.entries} entries, verified: ${mark(result.record.verified)}; with one byte changed: ${result.record.tampered || paint('red', 'NOTHING NOTICED')}`,
    `Took      ${(result.ms / 1000).toFixed(1)} s`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function rows(head: string[], body: string[][]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.map((row) => row[column]?.length ?? 0)),
  );
  const last = head.length - 1;
  const line = (cells: string[]) =>
    `  ${cells.map((cell, column) => (column === last ? cell : cell.padEnd(widths[column] ?? 0))).join('  ')}`;
  return [line(head), ...body.map(line)];
}
