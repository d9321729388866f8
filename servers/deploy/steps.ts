import type { Row } from '../core/store/schema.ts';
import type { Share } from '../core/target/target.ts';

/** What a release goes through, in order; each only if the one before was healthy. */
export const STEPS = ['preview', 'staging', 'canary-10', 'canary-50', 'production'] as const;
export type Step = (typeof STEPS)[number];

/** The new version's part of the traffic, in percent, once a step is taken. */
const SHARE: Record<Step, number> = {
  preview: 0,
  staging: 0,
  'canary-10': 10,
  'canary-50': 50,
  production: 100,
};

/**
 * The step after the last healthy one. A product that serves nothing yet has no canaries: there is nothing to
 * compare them with, and nobody to protect; nor has one at a target that does not split. Undefined when all are taken.
 */
export function nextStep(reached: Step | null, whole: boolean): Step | undefined {
  const rest = STEPS.slice(reached === null ? 0 : STEPS.indexOf(reached) + 1);
  return rest.find((step) => !whole || !step.startsWith('canary'));
}

/** Whether `step` lies beyond the step that was asked for. */
export const isBeyond = (step: Step, to: Step): boolean => STEPS.indexOf(step) > STEPS.indexOf(to);

/** The split of a step, the version that is served already first: it leads until all traffic has moved. */
export function sharesOf(step: Step, version: string, current: string | undefined): Share[] {
  const percent = SHARE[step];
  if (current === undefined || percent === 100) return [{ version, percent: 100 }];
  return [
    { version: current, percent: 100 - percent },
    { version, percent },
  ];
}

/** What a release is at, in one word: its step while it is under way, else its state. */
export const standOf = ({ state, step }: Pick<Row<'releases'>, 'state' | 'step'>): string =>
  state === 'cutting' && step !== null ? step : state;
