/**
 * What a tool can ask for. A tool names exactly one; it never names a role. Roles are granted these in the
 * signed factory file, and nowhere else. A new line here is a new right: review it as one.
 */
export const CAPABILITIES = {
  'task:read': 'see tasks and their artifacts',
  'task:work': 'take a task, work on it and hand in its artifacts',
  'task:plan': 'create tasks and start pipelines',
  'pipeline:read': 'see whole pipelines and the activity record',
  'agent:spawn': 'queue runs of other agents',
  'agent:beat': 'report progress in long work',
  'artifact:review': "accept or reject another agent's document",
  'checkpoint:request': "ask for a human's decision",
  'change:read': "read a change's diff and gates",
  'change:submit': 'open a workspace, run gates and submit a change',
  'review:submit': "accept or reject another agent's change",
  'change:merge': 'have a change that closed every gate merged to mainline',
  'change:revert': 'have a merged change reverted on mainline',
  'qa:run': 'run the suite and the probe against a commit',
  'qa:verdict': 'have the verdict computed for a commit',
  'infra:read': 'see plans and resources',
  'infra:propose': 'propose an infrastructure plan',
  'infra:approve': "approve or reject another agent's infrastructure plan",
  'infra:apply': 'have an approved plan applied',
  'release:read': 'see releases',
  'release:cut': 'release a merged commit that passed every gate',
  'release:verify': 'verify a live release endpoint by endpoint',
  'release:rollback': 'put the previous release back',
  'memory:own': 'keep its own memory and search it',
  'memory:link': 'say how things in memory relate',
  'lesson:record': 'record lessons and search them',
} as const;

export type Capability = keyof typeof CAPABILITIES;

export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as [Capability, ...Capability[]];

/** Whether a role's grants cover what a tool needs. Nothing implies anything else. */
export function isGranted(grants: readonly Capability[], needs: Capability): boolean {
  return grants.includes(needs);
}
