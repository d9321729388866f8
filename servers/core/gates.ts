import type { Factory } from './factory/definition.ts';
import { canonicalJson, sha256Hex } from './signing/canonical.ts';

/** The gates a machine runs on every change; the rest are judgements or acts of a server. */
export const MACHINE_GATES = ['smoke', 'consistency', 'docs', 'rollback', 'scan'] as const;
export type MachineGate = (typeof MACHINE_GATES)[number];

/** What QA has a server run on a commit: the product's own suite, and the probe against the running product. */
export const QA_GATES = ['qa.suite', 'qa.probe'] as const;
/** Besides, where the product has pages: the look at them with a browser. */
export const PAGE_GATE = 'qa.page';
export type QaGate = (typeof QA_GATES)[number] | typeof PAGE_GATE;

export type Gate = MachineGate | QaGate;

/** Bounds of one look at the pages: how many, and milliseconds. */
export const PAGE_BUDGET = { pages: 12, ms: 240_000 };

/** Bounds of one probe: requests, and milliseconds. */
export const PROBE_BUDGET = { requests: 6_000, ms: 60_000 };

export const isMachineGate = (name: string): name is MachineGate =>
  (MACHINE_GATES as readonly string[]).includes(name);

type Definitions = Pick<Factory, 'gates' | 'isolation'>;

/** What QA has to have run on a commit of this factory's product. */
export const qaGates = ({ gates }: Pick<Factory, 'gates'>): readonly QaGate[] =>
  gates.pages ? [...QA_GATES, PAGE_GATE] : QA_GATES;

/** Binds evidence to what was asked (SHA-256 in hex): what ran under another definition is open again. */
export function gateDefinition(factory: Definitions, gate: Gate): string {
  const definition = definitionOf(factory, gate);
  return sha256Hex(canonicalJson({ gate, definition, isolation: factory.isolation }));
}

function definitionOf({ gates }: Definitions, gate: Gate) {
  if (gate === 'qa.suite') return gates.smoke;
  if (gate === PAGE_GATE) return { budget: PAGE_BUDGET, pages: gates.pages ?? {} };
  if (gate === 'qa.probe') return { budget: PROBE_BUDGET, ...(gates.probe && { probe: gates.probe }) };
  return gates[gate];
}

const LEVELS = ['none', 'partial', 'full'];

/** Whether what ran was contained as well as the factory asks; a level that nobody knows is not. */
export const isContained = (isolation: string, asked: Factory['isolation']): boolean =>
  LEVELS.indexOf(isolation) >= LEVELS.indexOf(asked);
