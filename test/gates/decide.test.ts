import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Decision, decide, textToSign } from '../../servers/core/checkpoints.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { CHECKPOINT_NAMESPACE, FACTORY_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { toSshPublicKey } from '../../servers/core/signing/ssh_key.ts';
import { fingerprint, formatPublicKey, signSsh } from '../../servers/core/signing/sshsig.ts';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';
import { DIALECTS, newLocation } from '../store/stores.ts';
import { refusedRules, worker } from './site.ts';

interface Scene extends TestFactory {
  ceo: Agent;
  key: KeyObject;
  /** Puts a document and asks about it; answers with the checkpoint's number. */
  ask(name: string, body: string): Promise<number>;
  sign(checkpoint: number, decision: Decision, key?: KeyObject): Promise<string>;
  decide(checkpoint: number, decision: Decision, signature: string, human?: string): Promise<string>;
  state(checkpoint: number): Promise<string>;
}

/** A human `ada` with a throw-away key, and a ceo who asks. */
async function scene(dialect: Dialect = 'sqlite'): Promise<Scene> {
  const databaseUrl = dialect === 'postgres' ? await newLocation(dialect) : undefined;
  const factory = await startFactory({ servers: ['tasks', 'gates'], databaseUrl });
  const { services, clock } = factory;
  const { db } = services.store;
  const { privateKey: key } = generateKeyPairSync('ed25519');
  const publicKey = toSshPublicKey(key, 'ada');
  await db
    .insertInto('humans')
    .values({
      name: 'ada',
      public_key: formatPublicKey(publicKey),
      fingerprint: fingerprint(publicKey),
      assurance: 'rehearsal',
      added_at: clock.now(),
      revoked_at: null,
    })
    .execute();
  const ceo = await worker(factory, 'ceo');
  return {
    ...factory,
    ceo,
    key,
    async ask(name, body) {
      const { artifact } = await ceo.ok<{ artifact: string }>('artifact_put', { name, body });
      const asked = await ceo.ok<{ checkpoint: string }>('checkpoint_request', {
        name,
        title: 'Well?',
        artifact,
      });
      return Number(asked.checkpoint.slice(2));
    },
    sign: async (checkpoint, decision, signer = key) =>
      signSsh(await textToSign(db, 'c-suite', checkpoint, decision), signer, CHECKPOINT_NAMESPACE),
    decide: (checkpoint, decision, signature, human = 'ada') =>
      decide(services, { checkpoint, decision, human, signature }).then(
        ({ state }) => state,
        ({ rule }) => rule,
      ),
    state: async (id) =>
      (await db.selectFrom('checkpoints').select('state').where('id', '=', id).executeTakeFirstOrThrow())
        .state,
  };
}

test('a signed approval counts once, and enters the record', async () => {
  const at = await scene();
  const checkpoint = await at.ask('brief', 'Build it');
  const signature = await at.sign(checkpoint, 'approve');

  const decided = await decide(at.services, { checkpoint, decision: 'approve', human: 'ada', signature });
  const again = await at.decide(checkpoint, 'approve', signature);

  expect(decided).toMatchObject({ name: 'brief', state: 'approved', assurance: 'rehearsal' });
  expect(again).toBe('checkpoint.replayed');
  const entries = await at.services.store.db.selectFrom('activity').selectAll().orderBy('seq').execute();
  expect(entries.filter(({ session }) => session === 'human:ada')).toMatchObject([
    { event: 'checkpoint.approved', subject: 'checkpoint:1', role: 'human' },
    { event: 'refused', rule: 'checkpoint.replayed', tool: 'approve' },
  ]);
  expect(await verifyRecord(at.services.store.db)).toMatchObject({ ok: true });
});

test.each(DIALECTS)('of four approvals at the same moment one counts (%s)', async (dialect) => {
  const at = await scene(dialect);
  const checkpoint = await at.ask('brief', 'Build it');
  const signature = await at.sign(checkpoint, 'approve');

  const all = await Promise.all([1, 2, 3, 4].map(() => at.decide(checkpoint, 'approve', signature)));

  expect(all.sort()).toEqual(['approved', ...Array(3).fill('checkpoint.replayed')]);
});

test('a signed no is a no', async () => {
  const at = await scene();
  const checkpoint = await at.ask('brief', 'Build it');

  expect(await at.decide(checkpoint, 'reject', await at.sign(checkpoint, 'reject'))).toBe('rejected');
  expect(await at.state(checkpoint)).toBe('rejected');
  expect(await at.ask('brief', 'Build it')).toBe(checkpoint);
});

test.each<[string, (at: Scene, checkpoint: number) => Promise<string>]>([
  [
    'another key',
    async (at, c) =>
      at.decide(c, 'approve', await at.sign(c, 'approve', generateKeyPairSync('ed25519').privateKey)),
  ],
  ['another text', async (at, c) => at.decide(c, 'approve', signSsh('yes', at.key, CHECKPOINT_NAMESPACE))],
  [
    'another namespace',
    async (at, c) => {
      const text = await textToSign(at.services.store.db, 'c-suite', c, 'approve');
      return at.decide(c, 'approve', signSsh(text, at.key, FACTORY_NAMESPACE));
    },
  ],
  ['no signature at all', (at, c) => at.decide(c, 'approve', '')],
  ['a human nobody knows', async (at, c) => at.decide(c, 'approve', await at.sign(c, 'approve'), 'eve')],
  [
    'a human whose key was revoked',
    async (at, c) => {
      await at.services.store.db.updateTable('humans').set({ revoked_at: 1 }).execute();
      return at.decide(c, 'approve', await at.sign(c, 'approve'));
    },
  ],
])('forged: %s', async (_what, attack) => {
  const at = await scene();
  const checkpoint = await at.ask('brief', 'Build it');

  expect(await attack(at, checkpoint)).toBe('checkpoint.forged');

  expect(await at.state(checkpoint)).toBe('open');
  expect(await refusedRules(at)).toEqual(['checkpoint.forged approve']);
});

test('replayed: a signature for one checkpoint decides no other', async () => {
  const at = await scene();
  const first = await at.ask('brief', 'Build it');
  const signature = await at.sign(first, 'approve');
  const second = await at.ask('spec', 'Build it');

  expect(await at.decide(second, 'approve', signature)).toBe('checkpoint.replayed');
  expect(await at.state(second)).toBe('open');
});

test('edited: a replaced document, a document changed in the store, the other decision', async () => {
  const at = await scene();
  const { db } = at.services.store;
  const first = await at.ask('brief', 'Build it');
  const signature = await at.sign(first, 'approve');
  const flipped = await at.decide(first, 'reject', signature);
  const { artifact } = await at.ceo.ok<{ artifact: string }>('artifact_put', {
    name: 'brief',
    body: 'Build more',
  });
  const replaced = await at.decide(first, 'approve', signature);
  const second = await at.ask('brief', 'Build even more');
  const late = await at.sign(second, 'approve');
  await db.updateTable('artifacts').set({ body: 'Sell it' }).where('name', '=', 'brief').execute();
  const tampered = await at.decide(second, 'approve', late);

  expect(artifact).toBe('A-2');
  expect([flipped, replaced, tampered]).toEqual([
    'checkpoint.edited',
    'checkpoint.edited',
    'checkpoint.edited',
  ]);
  expect([await at.state(first), await at.state(second)]).toEqual(['void', 'open']);
});

test('expired: a decision that comes too late is none', async () => {
  const at = await scene();
  const checkpoint = await at.ask('brief', 'Build it');
  const signature = await at.sign(checkpoint, 'approve');
  at.clock.advance(72 * 3_600_000);

  expect(await at.decide(checkpoint, 'approve', signature)).toBe('checkpoint.expired');
  expect(await at.state(checkpoint)).toBe('expired');
});
