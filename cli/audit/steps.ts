import { type Definition, roleFor } from '../../servers/core/factory/parse.ts';
import type { Condition, Step } from '../../servers/core/factory/pipeline.ts';
import type { Capability } from '../../servers/core/permissions.ts';

/** What a role needs to make a condition hold that its step closes. */
const CLOSED_BY: Readonly<Record<Condition, Capability>> = {
  smoke: 'change:submit',
  consistency: 'change:submit',
  docs: 'change:submit',
  rollback: 'change:submit',
  scan: 'change:submit',
  review: 'review:submit',
  qa: 'qa:verdict',
  merged: 'change:merge',
  'plan-proposed': 'infra:propose',
  'plan-approved': 'infra:approve',
  'plan-applied': 'infra:apply',
  released: 'release:cut',
  verified: 'release:verify',
};

/** The steps that pipelines give to a role, under its own name or that of a role it stands in for. */
export const stepsGivenTo = ({ factory, pipelines }: Definition, role: string): Step[] =>
  stepsIn(pipelines).filter((step) => roleFor(factory, step.role) === role);

/**
 * The steps that the words of a role are written for: those that the pipelines give to it by name, or, for a role that
 * no pipeline names, those of the roles it stands in for.
 */
export function stepsWrittenFor(definition: Definition, role: string): Step[] {
  const byName = stepsIn(definition.pipelines).filter((step) => step.role === role);
  return byName.length > 0 ? byName : stepsGivenTo(definition, role);
}

/** The capabilities without which a step cannot be completed. */
export function neededFor({ closes, accepts, checkpoint }: Step): Capability[] {
  return [
    'task:work',
    ...closes.map((condition) => CLOSED_BY[condition]),
    ...(accepts.length > 0 ? (['artifact:review'] as const) : []),
    ...(checkpoint ? (['checkpoint:request'] as const) : []),
  ];
}

const stepsIn = (pipelines: Definition['pipelines']): Step[] =>
  [...pipelines.values()].flatMap(({ phases }) => phases.flatMap(({ steps }) => steps));
