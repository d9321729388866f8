import type { Factory } from './factory/definition.ts';
import { canonicalJson, sha256Hex } from './signing/canonical.ts';

/** The gates a machine runs on every change; the rest are judgements or acts of a server. */
export const MACHINE_GATES = ['smoke', 'consistency', 'docs', 'rollback', 'scan'] as const;
export type MachineGate = (typeof MACHINE_GATES)[number];

/** What QA has a server run on a commit: the product's own suite, and the probe against the running product. */
export const QA_GATES = ['qa.suite', 'qa.probe'] as const;
export type QaGate = (typeof QA_GATES)[number];

export type Gate = MachineGate | QaGate;

/** Bounds of one probe: requests, and milliseconds. */
export const PROBE_BUDGET = { requests: 1_500, ms: 20_000 };

export const isMachineGate = (name: string): name is MachineGate =>
  (MACHINE_GATES as readonly string[]).includes(name);

type Definitions = Pick<Factory, 'gates' | 'isolation'>;

/** Binds evidence to what was asked (SHA-256 in hex): what ran under another definition is open again. */
export function gateDefinition(factory: Definitions, gate: Gate): string {
  const definition = definitionOf(factory, gate);
  return sha256Hex(canonicalJson({ gate, definition, isolation: factory.isolation }));
}

function definitionOf({ gates }: Definitions, gate: Gate) {
  if (gate === 'qa.suite') return gates.smoke;
  return gate === 'qa.probe' ? { budget: PROBE_BUDGET } : gates[gate];
}

const LEVELS = ['none', 'partial', 'full'];

/** Whether what ran was contained as well as the factory asks; a level that nobody knows is not. */
export const isContained = (isolation: string, asked: Factory['isolation']): boolean =>
  LEVELS.indexOf(isolation) >= LEVELS.indexOf(asked);
