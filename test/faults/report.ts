import type { Fault, Outcome } from './arm.ts';
import { isAnswer, type Op, workerOf } from './history.ts';
import { INVARIANTS } from './invariants.ts';

/** Violations of one invariant that are printed whole. */
const SHOWN = 5;
const LOG_CHARACTERS = 4000;

/** What a run was and what came of it, for a person. */
export function report({ ops, faults, violations, inDoubt, done, log }: Outcome): string {
  const recovery = longestRecovery(ops, faults);
  const lines = [
    `calls: ${tally(ops.map(({ tool, ending, code }) => `${tool} ${code ?? ending}`))}`,
    `in doubt: ${inDoubt}, of which ${done} took effect`,
    `faults: ${tally(faults.map(({ name }) => name))}`,
    `longest recovery: ${recovery ? `${recovery.ms} ms, of ${recovery.process} after ${recovery.fault}` : 'none'}`,
    `violations: ${violations.length}`,
  ];
  for (const [invariant, found] of Map.groupBy(violations, (one) => one.invariant)) {
    lines.push(`  ${invariant}: ${INVARIANTS[invariant]}; violated ${found.length} times`);
    for (const { says, lines: shown } of found.slice(0, SHOWN))
      lines.push(`    ${says}`, ...shown.map((line) => `      ${line}`));
  }
  if (violations.length > 0) lines.push('the end of what the processes said:', log.slice(-LOG_CHARACTERS));
  return `${lines.join('\n')}\n`;
}

function tally(names: readonly string[]): string {
  const counts = [...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length] as const);
  return counts
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

/** The longest time from the end of a fault until some process, whatever its life, had an answer from the store again. */
export function longestRecovery(ops: readonly Op[], faults: readonly Fault[]) {
  const byWorker = Map.groupBy(ops.filter(isAnswer), workerOf);
  return faults
    .flatMap((fault) =>
      [...byWorker].map(([process, own]) => {
        const first = own.reduce((least, { to }) => (to >= fault.to && to < least ? to : least), Infinity);
        return { ms: Math.round((first - fault.to) / 1000), process, fault: `${fault.name} ${fault.detail}` };
      }),
    )
    .filter(({ ms }) => Number.isFinite(ms))
    .toSorted((a, b) => b.ms - a.ms)[0];
}
