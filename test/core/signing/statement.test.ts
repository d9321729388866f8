import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../servers/core/signing/canonical.ts';
import { fingerprint, type SshPublicKey, toSshPublicKey } from '../../../servers/core/signing/ssh_key.ts';
import { signStatement, verifyStatement } from '../../../servers/core/signing/statement.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const pinned = toSshPublicKey(publicKey);
const commit = 'c'.repeat(40);
const tree = '7'.repeat(40);
const statement = {
  subject: { commit, tree },
  predicateType: 'https://millwright.example/gate/v1',
  predicate: { gate: 'smoke', exitCode: 0, isolation: 'full' },
};
const expected = { keys: [pinned], commit };
const good = signStatement(statement, privateKey);

type Fields = Record<string, unknown>;
const TYPE = 'application/vnd.in-toto+json';
const body: Fields = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { gitCommit: commit, gitTree: tree } }],
  predicateType: statement.predicateType,
  predicate: statement.predicate,
};

/** A truly signed envelope over any payload and type, written without the code under test (but its JSON). */
function envelope(
  payload: string,
  more: { type?: string; key?: KeyObject; keyid?: string; edit?: Fields } = {},
) {
  const type = more.type ?? TYPE;
  const pae = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${Buffer.byteLength(payload)} ${payload}`;
  const sig = sign(null, Buffer.from(pae), more.key ?? privateKey).toString('base64');
  const signatures = [{ keyid: more.keyid ?? fingerprint(pinned), sig }];
  return canonicalJson({
    payload: Buffer.from(payload).toString('base64'),
    payloadType: type,
    signatures,
    ...more.edit,
  });
}
const refusal = (
  bytes: string | Uint8Array,
  more: Partial<{ keys: SshPublicKey[]; commit: string }> = {},
) => {
  try {
    verifyStatement(bytes, { ...expected, ...more });
  } catch (error) {
    return (error as { fault?: string }).fault ?? error;
  }
  return 'accepted';
};

describe('signStatement', () => {
  it('writes the in-toto Statement v1 and DSSE envelope that the specifications describe', () => {
    const parsed = JSON.parse(good);
    expect(parsed.payloadType).toBe(TYPE);
    const payload = Buffer.from(parsed.payload, 'base64');
    expect(JSON.parse(payload.toString())).toEqual(body);
    const pae = Buffer.concat([Buffer.from(`DSSEv1 28 ${TYPE} ${payload.length} `), payload]);
    expect(verify(null, pae, publicKey, Buffer.from(parsed.signatures[0].sig, 'base64'))).toBe(true);
    expect(good).toBe(envelope(canonicalJson(body)));
  });

  it.each([
    ['a short commit', { ...statement, subject: { commit: 'abc', tree } }],
    ['an upper-case tree', { ...statement, subject: { commit, tree: 'A'.repeat(40) } }],
    ['ids of two formats', { ...statement, subject: { commit, tree: 'a'.repeat(64) } }],
    ['no predicate type', { ...statement, predicateType: '' }],
    ['too long a predicate', { ...statement, predicate: 'x'.repeat(1024 * 1024) }],
  ])('refuses %s', (_, bad) => {
    expect(() => signStatement(bad, privateKey)).toThrow(expect.objectContaining({ fault: 'malformed' }));
  });
});

describe('verifyStatement', () => {
  it('returns what was signed, from text or bytes, and for SHA-256 repositories', () => {
    expect(verifyStatement(good, expected)).toEqual({ ...statement, keyId: fingerprint(pinned) });
    expect(verifyStatement(Buffer.from(good), expected).predicate).toEqual(statement.predicate);
    const long = { ...statement, subject: { commit: 'd'.repeat(64), tree: 'e'.repeat(64) } };
    const options = { ...expected, commit: 'd'.repeat(64) };
    expect(verifyStatement(signStatement(long, privateKey), options).subject).toEqual(long.subject);
  });

  it('refuses another commit, an unpinned key and a hardware key of the same point', () => {
    expect(refusal(good, { commit: 'd'.repeat(40) })).toBe('wrong-subject');
    expect(refusal(good, { keys: [] })).toBe('unknown-key');
    const stranger = generateKeyPairSync('ed25519').privateKey;
    expect(refusal(signStatement(statement, stranger))).toBe('unknown-key');
    expect(refusal(envelope(canonicalJson(body), { key: stranger }))).toBe('bad-signature');
    const hardware = { ...pinned, type: 'sk-ssh-ed25519@openssh.com', application: 'ssh:' } as const;
    expect(
      refusal(envelope(canonicalJson(body), { keyid: fingerprint(hardware) }), { keys: [hardware] }),
    ).toBe('unknown-key');
  });

  it('refuses a payload that was edited', () => {
    const payload = Buffer.from(canonicalJson({ ...body, predicate: { exitCode: 1 } })).toString('base64');
    expect(refusal(canonicalJson({ ...JSON.parse(good), payload }))).toBe('bad-signature');
  });

  it('refuses a signature over the payload alone, or for another type', () => {
    const payload = canonicalJson(body);
    const sig = sign(null, Buffer.from(payload), privateKey).toString('base64');
    const signatures = [{ keyid: fingerprint(pinned), sig }];
    expect(refusal(envelope(payload, { edit: { signatures } }))).toBe('bad-signature');
    expect(refusal(envelope(payload, { type: 'application/json' }))).toBe('malformed');
    expect(refusal(envelope(payload, { type: 'application/json', edit: { payloadType: TYPE } }))).toBe(
      'bad-signature',
    );
  });

  it.each<[string, string]>([
    ['an extra member', envelope(canonicalJson(body), { edit: { note: 1 } })],
    ['no signature', envelope(canonicalJson(body), { edit: { signatures: [] } })],
    ['two signatures', good.replace(/\[(.*)\]/, '[$1,$1]')],
    ['white space', good.replace('{', '{ ')],
    ['a newline at the end', `${good}\n`],
    ['a member twice', good.replace('{', '{"payload":"",')],
    ['base64 without padding', good.replace(/=+"/, '"')],
    ['no object', 'null'],
    ['an array', '[]'],
    ['no JSON', good.slice(0, -1)],
    ['hostile members', '{"payload":{"toString":1},"signatures":7}'],
    ['a lone surrogate as key id', good.replace(/SHA256:[^"]*/, '\\ud800')],
    ['hostile depth', '['.repeat(500_000)],
    [
      'over a megabyte, truly signed',
      envelope(canonicalJson({ ...body, predicate: 'x'.repeat(1024 * 1024) })),
    ],
  ])('refuses an envelope with %s', (_, text) => {
    expect(text).not.toBe(good);
    expect(refusal(text)).toBe('malformed');
  });

  const edited = (edit: Fields) => canonicalJson({ ...body, ...edit });
  const digest = { gitCommit: commit, gitTree: tree };
  it.each<[string, string]>([
    ['another _type', edited({ _type: 'https://in-toto.io/Statement/v0.1' })],
    ['an extra member', edited({ note: 1 })],
    ['two subjects', edited({ subject: [{ digest }, { digest: { ...digest, gitCommit: 'd'.repeat(40) } }] })],
    ['no subject', edited({ subject: [] })],
    ['a third digest', edited({ subject: [{ digest: { ...digest, sha1: commit } }] })],
    ['no tree', edited({ subject: [{ digest: { gitCommit: commit } }] })],
    ['no predicate', canonicalJson({ ...body }).replace(/"predicate":\{.*?\},/, '')],
    ['a fraction', canonicalJson(body).replace('"exitCode":0', '"exitCode":0.5')],
    ['an exit code twice', canonicalJson(body).replace('"exitCode":0', '"exitCode":1,"exitCode":0')],
    ['white space', JSON.stringify(body, null, 1)],
    ['no JSON', 'x'],
  ])('refuses a truly signed payload with %s', (_, payload) => {
    expect(payload).not.toBe(canonicalJson(body));
    expect(refusal(envelope(payload))).toBe('malformed');
  });

  it('refuses every one-byte change', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(good);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        return refusal(bytes) !== 'accepted';
      }),
      { numRuns: 400 },
    );
  });
});
