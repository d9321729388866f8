import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { ApiRefusal, ApiUnanswered } from '../rest.ts';
import type { VercelClient } from './client.ts';
import { deploymentOf, type Pace } from './deployments.ts';
import { findProject, type Project } from './projects.ts';

const PATIENCE_MS = 180_000;
const LOOK_MS = 1_000;

const domain = z.object({
  name: z.string(),
  redirect: z.string().nullish(),
  gitBranch: z.string().nullish(),
});
const alias = z.object({ deploymentId: z.string().nullish() });

/** The host of a project that people reach: the one Vercel gave it, else the first that leads nowhere else. */
export async function hostOf(client: VercelClient, { id, name }: Project): Promise<string> {
  const hosts: string[] = [];
  const path = `/v9/projects/${id}/domains`;
  await client.find({ item: domain, key: 'domains', path, after: 'until' }, (one) => {
    if (!one.redirect && !one.gitBranch) hosts.push(one.name);
    return false;
  });
  const host = hosts.find((one) => one.endsWith('.vercel.app')) ?? hosts[0];
  if (host !== undefined) return host;
  throw new ToolError(
    'CONFLICT',
    `The project ${name} has no address at Vercel.`,
    'Say so in task_block; a human gives it a domain at Vercel.',
    { rule: 'infra.missing' },
  );
}

/** The deployment that a host leads to (vercel.com/docs/rest-api/aliases/get-an-alias), or null. */
export async function servedAt(client: VercelClient, host: string): Promise<string | null> {
  const found = await client
    .call(alias, { method: 'GET', path: `/v4/aliases/${host}` })
    .catch((error: unknown) => {
      if (error instanceof ApiRefusal && error.status === 404) return { deploymentId: null };
      throw error;
    });
  return found.deploymentId ?? null;
}

/**
 * Leads a project's hosts to one deployment, by its id, and waits until they do. What had the traffic before is rolled
 * back to, what never had it is promoted; neither builds anything (vercel.com/docs/rest-api/projects, promote and
 * rollback). An answer that was lost is no failure. Throws UPSTREAM with rule `vercel.promote` when it does not happen.
 */
export async function lead(client: VercelClient, project: Project, id: string, pace: Pace): Promise<string> {
  const host = await hostOf(client, project);
  if ((await servedAt(client, host)) === id) return host;
  const { readySubstate } = await deploymentOf(client, id);
  const path =
    readySubstate === 'PROMOTED'
      ? `/v1/projects/${project.id}/rollback/${id}`
      : `/v10/projects/${project.id}/promote/${id}`;
  const before = project.lastAliasRequest?.requestedAt;
  const lost = await client
    .call(z.unknown(), { method: 'POST', path, json: {}, repeatable: true })
    .then(() => undefined)
    .catch((error: unknown) => {
      if (error instanceof ApiUnanswered) return error;
      // 409: another process asked for it already, or its first answer was lost.
      if (error instanceof ApiRefusal && error.status === 409) return error;
      throw error;
    });
  const patience = lost ? LOOK_MS * 5 : PATIENCE_MS;
  for (const until = pace.now() + patience; ; await pace.sleep(LOOK_MS)) {
    if ((await servedAt(client, host)) === id) return host;
    const job = (await findProject(client, project.id))?.lastAliasRequest;
    if (job?.jobStatus === 'failed' && job.requestedAt !== before && job.toDeploymentId === id)
      throw notLed(project.name, 'says that it failed');
    if (pace.now() >= until) throw lost ?? notLed(project.name, `has not done it after ${patience / 1000} s`);
  }
}

const notLed = (name: string, what: string) =>
  new ToolError(
    'UPSTREAM',
    `Vercel was asked to give the traffic of ${name} to a version and ${what}.`,
    'Call the same tool again; if it fails once more, say so in task_block.',
    { rule: 'vercel.promote' },
  );
