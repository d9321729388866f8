import { posix } from 'node:path';
import * as z from 'zod';
import { withCleanCheckout } from '../core/clean_run.ts';
import { openAuthority } from '../core/git/authority.ts';
import { treePaths } from '../core/git/objects.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Services } from '../core/services.ts';
import { programFor } from './program.ts';
import { runOnSources } from './suite/proof.ts';

/** Configs of what is deployed as a server, wherever in the repository. */
const DEPLOYED = /^(?:wrangler\.(?:jsonc?|toml)|vercel\.json|netlify\.toml|fly\.toml|Procfile|Dockerfile)$/;
const answer = z.strictObject({ serves: z.string().max(1_000).nullable() });

/**
 * The outcome of a probe that has nothing to attack, by evidence alone: no file of the commit configures a server,
 * none starts one, listens or handles requests, and there is no page. The sources are read in the sandbox. Undefined
 * when the product serves something, or when that could not be told: then it is probed like any other.
 */
export async function servesNothing(
  services: Services,
  commit: string,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const paths = await treePaths(await openAuthority(services.paths.git), commit);
  if (paths.some((path) => DEPLOYED.test(posix.basename(path)))) return undefined;
  const sandbox = await services.sandbox();
  return withCleanCheckout(services, commit, async ({ folder, dependencies }) => {
    const program = programFor(sandbox, 'qa-sources');
    const job = { task: 'serves', paths };
    const said = await runOnSources(sandbox, { sources: folder, signal }, program, job);
    if (answer.safeParse(said).data?.serves !== null) return undefined;
    const why = `not applicable: none of ${paths.length} files configures a server, starts one, listens, or is a page`;
    const { isolation, engine } = sandbox;
    return { passed: true, why, log: '', exit: 0, isolation, engine, dependencies };
  });
}
