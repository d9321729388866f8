import { type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from './canonical.ts';
import { SigningError } from './errors.ts';
import { fingerprint, type SshPublicKey, toKeyObject, toSshPublicKey } from './ssh_key.ts';
import { strictBase64 } from './ssh_wire.ts';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const MAX_BYTES = 1024 * 1024;
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** What is claimed about one commit. `commit` and `tree` are full Git object ids; `predicate` is canonical JSON. */
export type Statement = {
  readonly subject: { readonly commit: string; readonly tree: string };
  readonly predicateType: string;
  readonly predicate: unknown;
};

/**
 * An in-toto Statement v1 in a DSSE v1 envelope, signed by Ed25519; the key id is the SSH fingerprint.
 *
 * Both layers are canonical JSON and Ed25519 is deterministic: one statement under one key has one text, of at
 * most 1 MiB. Sources: in-toto attestation spec v1, DSSE protocol 1.0. Throws SigningError `malformed` for ids
 * that are none or a text that is too long, TypeError for a predicate that canonicalJson refuses.
 */
export function signStatement(statement: Statement, privateKey: KeyObject): string {
  const payload = payloadOf(statement);
  const signature = sign(null, preAuthEncoding(payload), privateKey);
  const text = envelopeOf(payload, fingerprint(toSshPublicKey(privateKey)), signature);
  if (text.length > MAX_BYTES)
    throw new SigningError('malformed', `The statement is over ${MAX_BYTES} bytes.`);
  return text;
}

/**
 * The statement that one of the pinned `keys` signed about exactly `commit`, with the key's id.
 *
 * Accepts only the text that signStatement writes, byte for byte: no second signature, no unknown or repeated
 * field, no other spelling. The caller still decides whether it wants this `predicateType`. Throws SigningError
 * `malformed`, `unknown-key`, `bad-signature` or `wrong-subject`.
 */
export function verifyStatement(
  bytes: Uint8Array | string,
  expected: { readonly keys: readonly SshPublicKey[]; readonly commit: string },
): Statement & { readonly keyId: string } {
  const { payload, keyId, signature } = parseEnvelope(boundedText(bytes));
  const key = expected.keys.find((known) => known.type === 'ssh-ed25519' && fingerprint(known) === keyId);
  if (!key) throw new SigningError('unknown-key', 'The statement is not signed by a pinned key.');
  if (!verify(null, preAuthEncoding(payload), toKeyObject(key), signature)) {
    throw new SigningError(
      'bad-signature',
      'The signature does not fit the statement: one of them was changed.',
    );
  }
  const statement = parsePayload(payload);
  if (statement.subject.commit !== expected.commit) {
    throw new SigningError('wrong-subject', `The statement is about commit ${statement.subject.commit}.`);
  }
  return { ...statement, keyId };
}

function payloadOf({ subject, predicateType, predicate }: Statement): Buffer {
  const { commit, tree } = subject;
  if (!OBJECT_ID.test(commit) || !OBJECT_ID.test(tree) || commit.length !== tree.length) {
    throw new SigningError('malformed', 'Commit and tree are full Git object ids of one format.');
  }
  if (typeof predicateType !== 'string' || predicateType === '') {
    throw new SigningError('malformed', 'A statement names the type of its predicate.');
  }
  const digest = { gitCommit: commit, gitTree: tree };
  return Buffer.from(
    canonicalJson({ _type: STATEMENT_TYPE, subject: [{ digest }], predicateType, predicate }),
  );
}

/** PAE of the DSSE protocol: what is signed, so that payload and type can't be read in two ways. */
function preAuthEncoding(payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `),
    payload,
  ]);
}

function envelopeOf(payload: Buffer, keyid: string, signature: Buffer): string {
  const signatures = [{ keyid, sig: signature.toString('base64') }];
  return canonicalJson({ payload: payload.toString('base64'), payloadType: PAYLOAD_TYPE, signatures });
}

/** Parsed JSON of unknown shape: any member may be missing or be something else. */
type Loose = { readonly [key: string]: Loose } | undefined;

function parseEnvelope(text: string): { payload: Buffer; keyId: string; signature: Buffer } {
  const envelope = parseJson(text);
  const first = envelope?.signatures?.['0'];
  const payload = strictBase64(textIn(envelope?.payload));
  const keyId = textIn(first?.keyid);
  const signature = strictBase64(textIn(first?.sig));
  requireSame('DSSE envelope', () => envelopeOf(payload, keyId, signature) === text);
  return { payload, keyId, signature };
}

function parsePayload(payload: Buffer): Statement {
  const parsed = parseJson(payload.toString());
  const digest = parsed?.subject?.['0']?.digest;
  const subject = { commit: textIn(digest?.gitCommit), tree: textIn(digest?.gitTree) };
  const statement = { subject, predicateType: textIn(parsed?.predicateType), predicate: parsed?.predicate };
  requireSame('in-toto Statement v1', () => payloadOf(statement).equals(payload));
  return statement;
}

/** Writing what was read again and comparing is the whole shape check: all that is added or respelled differs. */
function requireSame(what: string, isSame: () => boolean): void {
  let same = false;
  let cause: unknown;
  try {
    same = isSame();
  } catch (error) {
    cause = error;
  }
  if (!same) throw new SigningError('malformed', `This is not a canonical ${what}.`, cause);
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function boundedText(bytes: Uint8Array | string): string {
  if (bytes.length > MAX_BYTES)
    throw new SigningError('malformed', `The statement is over ${MAX_BYTES} bytes.`);
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
}

function parseJson(text: string): Loose {
  try {
    return JSON.parse(text) ?? undefined;
  } catch (cause) {
    throw new SigningError('malformed', 'The statement is not JSON.', cause);
  }
}
