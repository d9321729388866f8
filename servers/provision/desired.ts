import { ToolError } from '../core/errors.ts';
import { headOfMain, openAuthority } from '../core/git/authority.ts';
import { git } from '../core/git/git.ts';
import { commitId, isAncestor } from '../core/git/objects.ts';
import { INFRA_FILE, type Infra, readInfra } from '../core/infra_file.ts';
import type { Services } from '../core/services.ts';
import type { Db } from '../core/store/store.ts';

const MAX_BYTES = 400_000;

/**
 * Reads infra.yaml out of the mainline, or of a commit on it or one that was submitted. Throws NOT_FOUND with rule
 * `infra.no-file`, and INVALID_INPUT with rule `infra.file`.
 */
export async function desiredAt(
  services: Services,
  db: Db,
  wanted: string | undefined,
): Promise<{ infra: Infra; commit: string }> {
  const authority = await openAuthority(services.paths.home);
  const head = await headOfMain(authority);
  const commit = wanted === undefined ? head : commitId(wanted);
  const known =
    commit === head || (await isSubmitted(db, commit)) || (await isKnown(authority, commit, head));
  if (!known) throw noFile(`There is no commit ${commit.slice(0, 12)} on mainline or among the submitted.`);
  const text = await git(authority, ['cat-file', 'blob', `${commit}:${INFRA_FILE}`], {
    maxBytes: MAX_BYTES,
  }).catch((cause: unknown) => {
    throw noFile(`The commit ${commit.slice(0, 12)} has no ${INFRA_FILE}.`, cause);
  });
  return { infra: readInfra(text.toString('utf8')), commit };
}

const isKnown = (authority: Parameters<typeof isAncestor>[0], commit: string, head: string) =>
  isAncestor(authority, commit, head).catch(() => false);

async function isSubmitted(db: Db, commit: string): Promise<boolean> {
  const row = await db
    .selectFrom('submissions')
    .select('id')
    .where('commit_id', '=', commit)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

const noFile = (what: string, cause?: unknown) =>
  new ToolError('NOT_FOUND', what, 'Name product, target and resources to infra_propose instead.', {
    rule: 'infra.no-file',
    ...(cause === undefined ? {} : { cause }),
  });
