import { testsOn } from '../../core/test_run.ts';
import type { Gate } from './gate.ts';

/** `smoke`: the factory's test command passes on a clean checkout, and at least one test ran. */
export const smoke: Gate = (run) => testsOn(run.services, run);
