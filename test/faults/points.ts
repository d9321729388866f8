import { COPIED, SANDBOX_FILE, SANDBOX_HELP } from './points_steps.ts';

/** Which process dies: an agent's own server, the daemon, the human's command, or the runtime of the local target. */
export type Kind = 'stdio' | 'daemon' | 'cli' | 'runtime';

/** A place to die at: the `nth` (from 1) of the steps of one name that an operation does. */
export interface Point {
  operation: OperationName;
  kind: Kind;
  at: { step: string; nth: number; when: 'before' | 'during' | 'after' };
}

/**
 * What each operation does outside its process, step by step, in whichever server it runs. A run that does anything
 * else, or less, is a fault of this list: see points.test.ts. `npm run test:faults -- --points --trace` prints what
 * the list must be.
 */
const SERVER_STEPS = {
  checkout: [
    'sql begin',
    'sql update tasks',
    'sql update tasks',
    'sql insert leases',
    'sql update sessions',
    'sql insert activity',
    'sql commit',
  ],
  complete: [
    'sql begin',
    'sql update leases',
    'sql update sessions',
    'sql update tasks',
    'sql update tasks',
    'sql update tasks',
    'sql update estimates',
    'sql insert activity',
    'sql commit',
  ],
  submit: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'file mkdir scratch/git-*',
    'file mkdir scratch/git-*/intake.git/objects/info',
    'git init',
    'file write scratch/git-*/intake.git/objects/info/alternates',
    COPIED,
    'git fetch refs/in/tip',
    'file remove scratch/git-*/copy.git',
    'git fetch refs/tasks/N/N/*',
    'file remove scratch/git-*',
    'git commit-tree',
    'git update-ref refs/candidates/*',
    'sql begin',
    'sql insert submissions',
    'sql commit',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  merge: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'sql begin',
    'sql commit',
    'git update-ref refs/heads/main',
    'sql begin',
    'sql update submissions',
    'sql commit',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  gates: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql insert jobs',
    'sql commit',
    'sql begin',
    'sql insert leases',
    'sql update jobs',
    'sql commit',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'sandbox file',
    'sandbox help',
    'sandbox program',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'file mkdir work/run-NbceNfN-N-*',
    'file mkdir work/run-NbceNfN-N-*/job',
    'file mkdir scratch/git-*',
    'git read-tree',
    'git checkout-index',
    'file remove scratch/git-*',
    'sandbox program',
    'file remove work/run-NbceNfN-N-*',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'git hash-object',
    'git mktree',
    'git commit-tree',
    'git update-ref refs/attest/*',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'git hash-object',
    'git mktree',
    'git commit-tree',
    'git update-ref refs/attest/*',
    'sql begin',
    'sql insert gate_results',
    'sql insert gate_results',
    'sql update jobs',
    'sql update leases',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  apply: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql update plans',
    'sql insert activity',
    'sql commit',
    'file create targets/local/resources/worker-shop.json.N.*.draft',
    'file link targets/local/resources/worker-shop.json',
    'file remove targets/local/resources/worker-shop.json.N.*.draft',
    'sql begin',
    'sql update plans',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql update plans',
    'sql insert activity',
    'sql commit',
    'file create targets/local/resources/dN-shop.json.N.*.draft',
    'file link targets/local/resources/dN-shop.json',
    'file remove targets/local/resources/dN-shop.json.N.*.draft',
    'sql begin',
    'sql update plans',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql update plans',
    'sql commit',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  release: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'sql begin',
    'sql insert releases',
    'sql update releases',
    'sql insert jobs',
    'sql commit',
    'sql begin',
    'sql insert leases',
    'sql update jobs',
    'sql commit',
    'sandbox file',
    'sandbox help',
    'sandbox program',
    'file write scratch/config-*',
    'file rename server.gitconfig',
    'file mkdir work/run-NbceNfN-N-*',
    'file mkdir work/run-NbceNfN-N-*/job',
    'file mkdir scratch/git-*',
    'git read-tree',
    'git checkout-index',
    'file remove scratch/git-*',
    'file mkdir work/run-NbceNfN-N-*/job/.millwright',
    'file write work/run-NbceNfN-N-*/job/.millwright/wrangler.json',
    'sandbox program',
    'file create builds/*.json.*.draft',
    'file rename builds/*.json',
    'file remove work/run-NbceNfN-N-*',
    'sql begin',
    'sql insert leases',
    'sql commit',
    'sql begin',
    'sql update releases',
    'sql commit',
    'file mkdir targets/local/bundles/*.*.draft',
    'file write targets/local/bundles/*.*.draft/index.js',
    'file rename targets/local/bundles/*',
    'file remove targets/local/bundles/*.*.draft',
    'file create targets/local/versions/testimonials/RN-*.json.N.*.draft',
    'file link targets/local/versions/testimonials/RN-*.json',
    'file remove targets/local/versions/testimonials/RN-*.json.N.*.draft',
    'run node',
    'target preview',
    'sql begin',
    'sql update releases',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql update leases',
    'sql commit',
    'sql begin',
    'sql update jobs',
    'sql update leases',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  rollback: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql insert leases',
    'sql commit',
    'run node',
    'target split',
    'target serving',
    'sql begin',
    'sql update releases',
    'sql commit',
    'sql begin',
    'sql update leases',
    'sql commit',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  memory: [
    'sql begin',
    'sql insert activity',
    'sql commit',
    'sql begin',
    'sql insert memories',
    'sql insert entities',
    'sql insert memory_entities',
    'sql commit',
    'sql begin',
    'sql insert memory_files',
    'sql commit',
    'file mkdir memory/growth',
    'file write memory/growth/MEMORY.md.*.draft',
    'file rename memory/growth/MEMORY.md',
    'sql begin',
    'sql insert activity',
    'sql commit',
  ],
  approve: [
    'sql begin',
    'sql commit',
    'sql begin',
    'sql update checkpoints',
    'sql insert activity',
    'sql commit',
  ],
} satisfies Record<string, readonly string[]>;

export type OperationName = keyof typeof SERVER_STEPS;

/** What the runtime of the local target does from its start to the end of these operations. */
const RUNTIME_STEPS: Partial<Record<OperationName, readonly string[]>> = {
  release: [
    'file create targets/local/claims/N.N.*.draft',
    'file link targets/local/claims/N',
    'file remove targets/local/claims/N.N.*.draft',
    'file remove targets/local/claims/N',
    'file create targets/local/active.json.*.draft',
    'file rename targets/local/active.json',
    'run workerd',
    'file create targets/local/runtime.json.*.draft',
    'file rename targets/local/runtime.json',
    'workerd restart',
    'run workerd',
    'file create targets/local/runtime.json.*.draft',
    'file rename targets/local/runtime.json',
  ],
  rollback: [
    'file create targets/local/claims/N.N.*.draft',
    'file link targets/local/claims/N',
    'file remove targets/local/claims/N.N.*.draft',
    'file remove targets/local/claims/N',
    'file create targets/local/active.json.*.draft',
    'file rename targets/local/active.json',
    'run workerd',
    'file create targets/local/runtime.json.*.draft',
    'file rename targets/local/runtime.json',
    'workerd restart',
    'run workerd',
    'file create targets/local/active.json.*.draft',
    'file rename targets/local/active.json',
    'file create targets/local/runtime.json.*.draft',
    'file rename targets/local/runtime.json',
    'file create targets/local/runtime.json.*.draft',
    'file rename targets/local/runtime.json',
  ],
};

/** Every operation in every kind of process that does it. */
export const LISTS: readonly { operation: OperationName; kind: Kind; steps: readonly string[] }[] = [
  ...(Object.keys(SERVER_STEPS) as OperationName[]).flatMap((operation) =>
    (operation === 'approve' ? (['cli'] as const) : (['stdio', 'daemon'] as const)).map((kind) => ({
      operation,
      kind,
      steps: SERVER_STEPS[operation],
    })),
  ),
  ...Object.entries(RUNTIME_STEPS).map(([operation, steps]) => ({
    operation: operation as OperationName,
    kind: 'runtime' as const,
    steps,
  })),
];

/** What goes on outside the process once it was begun, whether or not the process lives. */
const OUTLIVES = /^(git|run|sandbox program|target) ?/;

/**
 * Every point of the list: before each step, after the last one, and in the midst of each that another process does.
 * What is outside after a step is what is outside before the next, so that needs no point of its own.
 */
export const POINTS: readonly Point[] = LISTS.flatMap(({ operation, kind, steps }) => {
  const seen = new Map<string, number>();
  return steps.flatMap((step, index) => {
    const nth = (seen.get(step) ?? 0) + 1;
    seen.set(step, nth);
    const whens = [
      'before' as const,
      ...(OUTLIVES.test(step) ? (['during'] as const) : []),
      ...(index === steps.length - 1 ? (['after'] as const) : []),
    ];
    return whens.map((when): Point => ({ operation, kind, at: { step, nth, when } }));
  });
});

/** The steps as the list has them: what a sandbox needs stands there once. */
export function listed(steps: readonly string[]): string[] {
  return steps.filter(
    (step, index) => ![COPIED, SANDBOX_FILE, SANDBOX_HELP].includes(step) || steps.indexOf(step) === index,
  );
}

/** Steps of a run that the list lacks, and steps of the list that the run did not do; as `+ step` and `- step`. */
export function unlisted(steps: readonly string[], list: readonly string[]): string[] {
  const left = [...list];
  const more: string[] = [];
  for (const step of listed(steps)) {
    const at = left.indexOf(step);
    if (at >= 0) left.splice(at, 1);
    else more.push(step);
  }
  return [...more.map((step) => `+ ${step}`), ...left.map((step) => `- ${step}`)];
}

export const nameOf = ({ operation, kind, at }: Point) =>
  `${operation} (${kind}): ${at.when} ${at.step} #${at.nth}`;
