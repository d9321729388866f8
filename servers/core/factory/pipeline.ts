import * as z from 'zod';

const id = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower case letters, digits and dashes, for example "seo-audit"');

/** Conditions a server can establish by itself; a step names those that must hold before it completes. */
const CONDITIONS = [
  'smoke',
  'consistency',
  'docs',
  'rollback',
  'scan',
  'review',
  'qa',
  'merged',
  'plan-proposed',
  'plan-approved',
  'plan-applied',
  'released',
  'verified',
] as const;
export type Condition = (typeof CONDITIONS)[number];

const step = z.strictObject({
  id,
  role: id.describe('A role of the factory, or one that `stands_in` maps to a role of the factory.'),
  title: z.string().min(1).max(200),
  description: z.string().max(4000).default(''),
  criteria: z.array(z.string().min(1).max(500)).min(1).max(20),
  stops: z.array(z.string().min(1).max(500)).min(1).max(10),
  after: z
    .array(id)
    .default([])
    .describe('Steps of the same phase that come first; none means all run side by side.'),
  reads: z.array(id).default([]).describe('Artifacts of earlier steps; the agent gets exactly these.'),
  writes: z.array(id).default([]).describe('Artifacts this step must leave.'),
  accepts: z.array(id).default([]).describe('Artifacts of other agents that must be accepted here.'),
  min_score: z
    .int()
    .min(1)
    .max(40)
    .optional()
    .describe('The least `score` in the first artifact written here.'),
  closes: z
    .array(z.enum(CONDITIONS))
    .default([])
    .describe('Conditions that must hold before the step completes.'),
  checkpoint: z
    .strictObject({ name: id, artifact: id })
    .optional()
    .describe('A decision by the human over one artifact.'),
});

const phase = z.strictObject({
  id,
  name: z.string().min(1).max(60),
  on_failure: z
    .union([id, z.literal('drop'), z.literal('rollback')])
    .describe('The phase that a failure here leads to.'),
  steps: z.array(step).min(1).max(12),
});

export const pipelineSchema = z.strictObject({
  pipeline: id,
  title: z.string().min(1).max(120),
  rounds: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe('How often a phase may be entered before a human is asked.'),
  phases: z.array(phase).min(1).max(20),
});

export type Step = z.output<typeof step>;
export type Phase = z.output<typeof phase>;
export type Pipeline = z.output<typeof pipelineSchema>;
