import { canonicalJson, sha256Hex } from '../signing/canonical.ts';
import { FACTORY_NAMESPACE } from '../signing/checkpoint_text.ts';
import { parsePublicKey, verifySsh } from '../signing/sshsig.ts';
import type { Db } from '../store/store.ts';
import { type Definition, type DefinitionFiles, parseDefinition } from './parse.ts';

export interface Applied extends Definition {
  /** The row this came from; grows with every application. */
  version: number;
  digest: string;
  assurance: string;
}

/** The digest a human signs: SHA-256 over the canonical form of all definition files. */
export function definitionDigest(files: DefinitionFiles): string {
  return sha256Hex(canonicalJson(files));
}

/** The text a human signs to put a definition into force. */
export function definitionText(factory: string, digest: string): string {
  return `Millwright factory definition\nfactory: ${factory}\ndigest: sha256:${digest}\n`;
}

/**
 * The definition in force: the one applied last. Only the first may lack a signature (it was there before any
 * human key); every later one is verified against the humans' keys each time a process loads it, so that a row
 * somebody slipped in grants nothing.
 */
export async function loadApplied(db: Db): Promise<Applied> {
  const row = await db
    .selectFrom('factory_versions')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) throw new Error('This factory has no definition in force. Run `millwright init` again.');
  const files = JSON.parse(row.body) as DefinitionFiles;
  if (definitionDigest(files) !== row.digest)
    throw new Error('The applied factory definition does not match its digest.');
  const definition = parsedOnce(row.digest, files);
  if (row.signature !== null) {
    const human = await db
      .selectFrom('humans')
      .selectAll()
      .where('name', '=', row.human ?? '')
      .executeTakeFirst();
    if (!human) throw new Error('The applied factory definition is signed by nobody this factory knows.');
    verifySsh(definitionText(definition.factory.factory, row.digest), row.signature, {
      namespace: FACTORY_NAMESPACE,
      keys: [parsePublicKey(human.public_key)],
    });
  } else if (await hasEarlier(db, row.id)) {
    throw new Error('The applied factory definition is not signed by a human.');
  }
  return { ...definition, version: row.id, digest: row.digest, assurance: row.assurance };
}

/** What was parsed last: a process mostly reads one definition, again for each store it opens. */
let last: { digest: string; definition: Definition } | undefined;

function parsedOnce(digest: string, files: DefinitionFiles): Definition {
  if (last?.digest !== digest) last = { digest, definition: parseDefinition(files) };
  return last.definition;
}

async function hasEarlier(db: Db, id: number): Promise<boolean> {
  return (
    (await db.selectFrom('factory_versions').select('id').where('id', '<', id).executeTakeFirst()) !==
    undefined
  );
}
