import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { findOrMake } from '../find_or_make.ts';
import { ApiRefusal } from '../rest.ts';
import type { BundleFile } from '../target.ts';
import type { VercelClient } from './client.ts';
import type { Project } from './projects.ts';

/** How long a deployment may take to come up, and traffic to move. */
const PATIENCE_MS = 180_000;
const LOOK_MS = 1_000;

/** Waits and tells the time; injected where nobody wants to wait. */
export interface Pace {
  sleep(ms: number): Promise<void>;
  now(): number;
}

const meta = z.record(z.string(), z.unknown()).nullish();
const deployment = z.object({
  id: z.string(),
  url: z.string(),
  readyState: z.string(),
  readySubstate: z.string().nullish(),
  errorCode: z.string().nullish(),
  meta,
});
export type Deployment = z.output<typeof deployment>;

const listed = z.object({
  uid: z.string(),
  readyState: z.string().nullish(),
  state: z.string().nullish(),
  meta,
});
const FAILED = ['ERROR', 'CANCELED', 'DELETED'];

/** Under which our tag stands in the metadata of a deployment. */
const TAG = 'millwright';

export const tagIn = ({ meta: of }: Pick<Deployment, 'meta'>): unknown => of?.[TAG];

/** A deployment by its id (vercel.com/docs/rest-api/deployments/get-a-deployment-by-id-or-url). */
export const deploymentOf = (client: VercelClient, id: string): Promise<Deployment> =>
  client.call(deployment, { method: 'GET', path: `/v13/deployments/${id}` });

/**
 * Makes a deployment of these files that gets no traffic by itself, once: one that has the tag is used. It is of the
 * target `production`, so that it can be promoted as it is, without another build. Returns its id once it answers.
 */
export async function makeDeployment(
  client: VercelClient,
  project: Project,
  { files, tag }: { files: readonly BundleFile[]; tag: string },
  pace: Pace,
): Promise<string> {
  const listing = {
    item: listed,
    key: 'deployments',
    path: '/v6/deployments',
    after: 'until',
    query: { projectId: project.id, target: 'production' },
  } as const;
  const find = async () =>
    (
      await client.find(
        listing,
        (one) => tagIn(one) === tag && !FAILED.includes(one.readyState ?? one.state ?? ''),
      )
    )?.uid;
  const { value: id } = await findOrMake(find, () => post(client, project, files, tag));
  await untilReady(client, id, pace);
  return id;
}

const lacking = z.object({ error: z.object({ missing: z.array(z.string()) }) });

/** Files that Vercel does not have are asked for by their digest, sent, and then the deployment is asked for again. */
async function post(
  client: VercelClient,
  project: Project,
  files: readonly BundleFile[],
  tag: string,
): Promise<string> {
  const named = files.map(({ path, bytes }) => ({
    file: path,
    sha: sha1(bytes),
    size: bytes.byteLength,
    bytes,
  }));
  const ask = async () => {
    const { id } = await client.call(deployment, {
      method: 'POST',
      path: '/v13/deployments',
      query: { prebuilt: '1', skipAutoDetectionConfirmation: '1' },
      json: {
        name: project.name,
        project: project.id,
        target: 'production',
        autoAssignCustomDomains: false,
        files: named.map(({ file, sha, size }) => ({ file, sha, size })),
        projectSettings: { framework: null },
        meta: { [TAG]: tag },
      },
    });
    return id;
  };
  try {
    return await ask();
  } catch (error) {
    const missing = missingIn(error);
    if (!missing) throw error;
    const wanted = new Map(
      named.filter(({ sha }) => missing.includes(sha)).map((one) => [one.sha, one.bytes]),
    );
    for (const [sha, bytes] of wanted) await sendFile(client, sha, bytes);
    return ask();
  }
}

function missingIn(error: unknown): string[] | undefined {
  if (!(error instanceof ApiRefusal) || !error.codes.includes('missing_files')) return undefined;
  const told = lacking.safeParse(error.body);
  return told.success ? told.data.error.missing : undefined;
}

/** vercel.com/docs/rest-api/deployments/upload-deployment-files */
async function sendFile(client: VercelClient, sha: string, bytes: Uint8Array): Promise<void> {
  await client.call(z.unknown(), {
    method: 'POST',
    path: '/v2/files',
    headers: { 'x-vercel-digest': sha, 'content-type': 'application/octet-stream' },
    bytes,
    repeatable: true,
  });
}

const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');

async function untilReady(client: VercelClient, id: string, pace: Pace): Promise<void> {
  for (const until = pace.now() + PATIENCE_MS; ; await pace.sleep(LOOK_MS)) {
    const { readyState, errorCode } = await deploymentOf(client, id);
    if (readyState === 'READY') return;
    if (FAILED.includes(readyState)) throw notUp(`says ${readyState}${errorCode ? `, ${errorCode}` : ''}`);
    if (pace.now() >= until) throw notUp(`still says ${readyState} after ${PATIENCE_MS / 1000} s`);
  }
}

const notUp = (what: string) =>
  new ToolError(
    'UPSTREAM',
    `Vercel did not bring the version up: it ${what}.`,
    'Call the same tool again; if it fails once more, say so in task_block.',
    { rule: 'vercel.deployment' },
  );
