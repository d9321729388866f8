import type { MachineGate } from '../../core/gates.ts';
import { consistency } from './consistency.ts';
import { docs } from './docs.ts';
import type { Gate } from './gate.ts';
import { rollback } from './rollback.ts';
import { scan } from './scan.ts';
import { smoke } from './smoke.ts';

/** Every machine gate by its name. */
export const GATES: Readonly<Record<MachineGate, Gate>> = { smoke, consistency, docs, rollback, scan };
