import { randomBytes } from 'node:crypto';
import { ToolError } from '../core/errors.ts';
import { checkpointId } from '../core/ids.ts';
import type { Services } from '../core/services.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Migration } from '../core/target/target.ts';
import { type Contraction, contractionsIn } from './contraction.ts';
import { checkpointOver, insertQuestion } from './queries.ts';

/** The checkpoint, and the document it is decided over. */
const NAME = 'destructive-migration';
const HOUR = 3_600_000;

/**
 * Throws GATE_CLOSED with rule `release.contraction` for migrations that take something from the version that is
 * served, unless a human has signed exactly these statements for this commit. Whoever is refused first has asked
 * the human. `seen` names migrations that an earlier release brought.
 */
export async function refuseContractions(
  services: Pick<Services, 'store' | 'clock' | 'factory'>,
  release: Row<'releases'>,
  migrations: readonly Migration[],
  seen: readonly string[],
): Promise<void> {
  const found = contractionsIn(migrations.filter((one) => !seen.includes(keyOf(one))));
  if (found.length === 0) return;
  const body = textOf(release, found);
  const digest = sha256Hex(body);
  const known = await checkpointOver(services.store.db, NAME, digest);
  if (known?.state === 'approved') return;
  const { factory } = await services.factory();
  const now = services.clock.now();
  const expires = now + Math.round(factory.checkpoints.hours * HOUR);
  const asked =
    known?.id ??
    (await services.store.transaction((tx) =>
      insertQuestion(tx, release, {
        name: NAME,
        title: `Destructive migration of ${release.product}`,
        body,
        digest,
        now,
        expires,
        nonce: randomBytes(16).toString('hex'),
      }),
    ));
  const [first] = found;
  throw new ToolError(
    'GATE_CLOSED',
    `The migration ${first?.migration} ${first?.why}, and the version that is served still needs it (${found.length} such statements). ${checkpointId(asked)} is ${known?.state ?? 'open'}.`,
    'Only add to the schema now and take away in a later release; or wait for the human who was asked, then call release_cut again.',
    { rule: 'release.contraction' },
  );
}

/** By what a migration is known again. */
export const keyOf = ({ database, name }: Pick<Migration, 'database' | 'name'>) => `${database}/${name}`;

const textOf = ({ product, target, commit_id }: Row<'releases'>, found: readonly Contraction[]) =>
  [
    `# Destructive migration of ${product} at ${target}`,
    '',
    `Commit ${commit_id} takes away what the served version may need; going back will not bring it back:`,
    ...found.map(
      ({ database, migration, statement, why }) => `- ${database}, ${migration}: ${why}: ${statement}`,
    ),
    '',
  ].join('\n');
