import { execa } from 'execa';
import { workerProgram } from '../programs.ts';
import type { Row, Surroundings } from '../row.ts';

const BAR = 3000;
const WORKER_BAR = 1800;
/** The role that DESIGN's typical worker is. */
const WORKER = 'developer';

interface Cost {
  readonly preset: string;
  readonly role: string;
  readonly tokens: number;
}

/** What the list of tools costs the role that has most. */
export async function toolTokens(surroundings: Surroundings): Promise<Row> {
  return row('tools/list of the role with most', await costsOf(surroundings), BAR);
}

/** What it costs a typical worker. */
export async function workerTokens(surroundings: Surroundings): Promise<Row> {
  const costs = await costsOf(surroundings);
  return row(
    'tools/list of a worker',
    costs.filter(({ role }) => role === WORKER),
    WORKER_BAR,
  );
}

async function costsOf({ signal, progress }: Surroundings): Promise<Cost[]> {
  progress('counting tokens');
  const { file, args } = workerProgram('token_worker', []);
  const { stdout } = await execa(file, args, { cancelSignal: signal, timeout: 60_000 });
  return JSON.parse(stdout) as Cost[];
}

function row(name: string, costs: readonly Cost[], bar: number): Row {
  const most = costs.toSorted((a, b) => b.tokens - a.tokens)[0];
  if (!most) throw new Error('There is no role.');
  return {
    name: `${name} (${most.role} of ${most.preset})`,
    value: most.tokens,
    unit: 'tokens',
    echo: null,
    ratio: null,
    bar: `≤ ${bar} tokens`,
    pass: most.tokens <= bar,
  };
}
