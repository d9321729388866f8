import { describe, expect, test } from 'vitest';
import { type Arm, type Outcome, runArm } from '../faults/arm.ts';
import { report } from '../faults/report.ts';

const SEED = 20_261_121;

/** A run of a few seconds; `npm run test:faults` does more harm, for longer. */
function shortRun(arm: Pick<Arm, 'dialect' | 'nemeses' | 'signal'> & Partial<Arm>): Promise<Outcome> {
  return runArm({ http: false, seed: SEED, seconds: 4, workers: 3, progress: () => {}, ...arm });
}

describe.concurrent('what processes saw agrees with what the store holds', { timeout: 120_000 }, () => {
  test('on SQLite, when some are killed or stopped and clocks are set', async ({ signal }) => {
    const outcome = await shortRun({ dialect: 'sqlite', nemeses: ['kill', 'stop', 'clock-all'], signal });

    expect(outcome.violations, report(outcome)).toEqual([]);
    expect(outcome.ops.filter(({ ending }) => ending === 'ok').length).toBeGreaterThan(25);
  });

  test('on PostgreSQL, when it restarts and links to it break', async ({ signal }) => {
    const outcome = await shortRun({ dialect: 'postgres', nemeses: ['stop', 'cut', 'restart'], signal });

    expect(outcome.violations, report(outcome)).toEqual([]);
    expect(outcome.ops.filter(({ ending }) => ending === 'ok').length).toBeGreaterThan(25);
  });

  test('and a build that acknowledges what it did not keep is caught', async ({ signal }) => {
    const outcome = await shortRun({
      dialect: 'sqlite',
      nemeses: ['kill'],
      mutant: 'write',
      signal,
    });

    expect(outcome.violations.map(({ invariant }) => invariant)).toContain('lost');
  });
});
