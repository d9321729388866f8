import { appendAttestation, attestations } from './git/attest.ts';
import { openAuthority } from './git/authority.ts';
import { treeOf } from './git/objects.ts';
import type { Services } from './services.ts';
import { canonicalJson, sha256Hex } from './signing/canonical.ts';
import { SigningError } from './signing/errors.ts';
import { type Statement, signStatement, verifyStatement } from './signing/statement.ts';

/** The in-toto predicate type of one gate's evidence; the gates of QA use it too. */
export const GATE_PREDICATE = 'urn:millwright:gate:v1';
/** The in-toto predicate type of a QA verdict. */
export const VERDICT_PREDICATE = 'urn:millwright:verdict:v1';

/** Signs a statement with the factory's key and keeps it at `refs/attest/<commit>`. Repeating it changes nothing. */
export async function attest(
  services: Pick<Services, 'paths' | 'key' | 'clock'>,
  statement: Statement,
): Promise<void> {
  const authority = await openAuthority(services.paths.home);
  const { privateKey } = await services.key();
  const text = signStatement(statement, privateKey);
  const at = new Date(services.clock.now());
  await appendAttestation(
    authority,
    statement.subject.commit,
    `${sha256Hex(text)}.dsse.json`,
    Buffer.from(text),
    at,
  );
}

/** What the factory has signed about a commit. */
export interface Attested {
  /** Whether a valid statement of this type has a predicate with this digest (SHA-256 of its canonical JSON). */
  has(predicateType: string, digest: string): boolean;
}

/**
 * Reads the statements at `refs/attest/<commit>` and verifies each against the factory's key, the commit and its
 * tree. One that does not verify counts as absent.
 */
export async function attestedOf(
  services: Pick<Services, 'paths' | 'key'>,
  commit: string,
): Promise<Attested> {
  const authority = await openAuthority(services.paths.home);
  const [{ publicKey }, tree, kept] = await Promise.all([
    services.key(),
    treeOf(authority, commit),
    attestations(authority, commit),
  ]);
  const valid = new Set<string>();
  for (const { bytes } of kept) {
    const statement = verified(bytes, { keys: [publicKey], commit });
    if (statement?.subject.tree !== tree) continue;
    valid.add(entry(statement.predicateType, sha256Hex(canonicalJson(statement.predicate))));
  }
  return { has: (predicateType, digest) => valid.has(entry(predicateType, digest)) };
}

const entry = (predicateType: string, digest: string) => `${predicateType} ${digest}`;

function verified(bytes: Buffer, expected: Parameters<typeof verifyStatement>[1]): Statement | undefined {
  try {
    return verifyStatement(bytes, expected);
  } catch (error) {
    if (error instanceof SigningError) return undefined;
    throw error;
  }
}
