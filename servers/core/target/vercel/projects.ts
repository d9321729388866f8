import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { findOrMake } from '../find_or_make.ts';
import { ApiRefusal } from '../rest.ts';
import type { Resource } from '../target.ts';
import type { VercelClient } from './client.ts';

const protection = z.object({ deploymentType: z.string() }).nullish();
const project = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.number().default(0),
  ssoProtection: protection,
  passwordProtection: protection,
  lastAliasRequest: z
    .object({ jobStatus: z.string(), requestedAt: z.number(), toDeploymentId: z.string() })
    .nullish(),
});

/** A project as vercel.com/docs/rest-api/projects/find-a-project-by-id-or-name describes it. */
export type Project = z.output<typeof project>;

const resourceOf = ({ id, name, createdAt }: Project): Resource => ({ kind: 'worker', name, id, createdAt });

/** Every project of the account or team, by name. */
export async function listProjects(client: VercelClient): Promise<Resource[]> {
  const all: Resource[] = [];
  const listing = { item: project, key: 'projects', path: '/v10/projects', after: 'from' } as const;
  await client.find(listing, (one) => {
    all.push(resourceOf(one));
    return false;
  });
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The project of this name or id, if there is one. */
export async function findProject(client: VercelClient, name: string): Promise<Project | undefined> {
  return client.call(project, { method: 'GET', path: `/v9/projects/${name}` }).catch((error: unknown) => {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  });
}

/** The project of this name. Throws CONFLICT with rule `infra.missing`. */
export async function projectOf(client: VercelClient, name: string): Promise<Project> {
  const found = await findProject(client, name);
  if (found) return found;
  throw new ToolError(
    'CONFLICT',
    `There is no project ${name} at Vercel.`,
    'Have the infrastructure plan applied again (infra_apply), or a new one proposed.',
    { rule: 'infra.missing' },
  );
}

/**
 * Finds a project by its name, else makes it; one that exists is left as it is. A new one has no framework, since
 * nothing is built at Vercel, and its deployments answer without a login, since the server looks at each before it
 * gets traffic (vercel.com/docs/rest-api/projects/create-a-new-project).
 */
export async function ensureProject(
  client: VercelClient,
  name: string,
): Promise<{ resource: Resource; created: boolean }> {
  const json = { name, framework: null, ssoProtection: null };
  const make = () => client.call(project, { method: 'POST', path: '/v11/projects', json });
  const { value, made } = await findOrMake(() => findProject(client, name), make);
  return { resource: resourceOf(value), created: made };
}

/** Removes a project with its deployments; one that is gone already is fine. */
export async function removeProject(client: VercelClient, id: string): Promise<void> {
  const request = { method: 'DELETE', path: `/v9/projects/${id}`, repeatable: true } as const;
  await client.call(z.unknown(), request).catch((error: unknown) => {
    if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
  });
}

/** Throws CONFLICT with rule `vercel.protected` where deployments ask for a login: nobody could look at a version. */
export function refuseProtected({ name, ssoProtection, passwordProtection }: Project): void {
  if (!ssoProtection && !passwordProtection) return;
  throw new ToolError(
    'CONFLICT',
    `The project ${name} asks for a login at each deployment, so no version can be looked at before it gets traffic.`,
    "Say so in task_block; a human turns Deployment Protection off in the project's settings at Vercel.",
    { rule: 'vercel.protected' },
  );
}

const written = z.object({ failed: z.array(z.unknown()).default([]) });

/**
 * Gives a project its secrets. A deployment keeps the values of the time it was made, so versions that were uploaded
 * before keep theirs (vercel.com/docs/rest-api/projects/create-one-or-more-environment-variables).
 */
export async function setSecrets(
  client: VercelClient,
  { id, name }: Project,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const json = Object.entries(secrets).map(([key, value]) => ({
    key,
    value,
    type: 'sensitive',
    target: ['production', 'preview'],
  }));
  if (json.length === 0) return;
  const path = `/v10/projects/${id}/env`;
  const query = { upsert: 'true' };
  const { failed } = await client.call(written, { method: 'POST', path, query, json, repeatable: true });
  if (failed.length === 0) return;
  throw new ToolError(
    'UPSTREAM',
    `Vercel did not take ${failed.length} of the ${json.length} secrets of ${name}.`,
    'Say so in task_block; a human looks at the environment variables of the project.',
    { rule: 'vercel.refused' },
  );
}
