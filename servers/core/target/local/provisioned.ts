import { ToolError } from '../../errors.ts';
import { KINDS, resourcesOf } from '../needs.ts';
import type { Resource, WorkerVersion } from '../target.ts';

/**
 * Throws CONFLICT unless the Worker and every resource that a version names exist. Serving a version never makes
 * a resource: what was not provisioned by an approved plan is not there.
 */
export function requireResources(
  { config, migrations }: WorkerVersion,
  resources: readonly Resource[],
): void {
  const bound = config.d1.map(({ database }) => database);
  for (const { kind, name } of resourcesOf(config)) {
    if (resources.some((resource) => resource.kind === kind && resource.name === name)) continue;
    throw new ToolError(
      'CONFLICT',
      `The ${KINDS[kind]} ${name} does not exist at this target.`,
      'Call infra_propose for it; infra_apply creates it once the plan is approved.',
      { rule: 'infra.unapproved' },
    );
  }
  const stray = migrations.find(({ database }) => !bound.includes(database));
  if (!stray) return;
  throw new ToolError(
    'INVALID_INPUT',
    `The migration ${stray.name} is for the database ${stray.database}, which the Worker does not bind.`,
    'Bind the database in the Worker config, or remove its migrations.',
  );
}
