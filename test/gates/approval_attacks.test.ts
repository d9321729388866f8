import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { ADOPTION_NAMESPACE } from '../../cli/adoption.ts';
import { type Decision, decide, textToSign } from '../../servers/core/checkpoints.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { CHECKPOINT_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { toSshPublicKey } from '../../servers/core/signing/ssh_key.ts';
import { fingerprint, formatPublicKey, signSsh } from '../../servers/core/signing/sshsig.ts';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { fleetTools } from '../contracts/fleet.ts';
import { argumentsWith, textArguments } from '../contracts/hostile_inputs.ts';
import { hostileSite, IDLE } from '../contracts/hostile_site.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';
import { DIALECTS, newLocation } from '../store/stores.ts';
import type { Deciding } from './decider.ts';
import { refusedRules, worker } from './site.ts';

const DECIDER = fileURLToPath(new URL('decider.ts', import.meta.url));
/** What a terminal may hide, reorder or take for a letter of ours. */
const UNSEEN = /[\p{Cf}\p{Cc}\p{M}\u0400-\u04ff\u0370-\u03ff]/u;

interface Bench extends TestFactory {
  ceo: Agent;
  key: KeyObject;
  databaseUrl: string | undefined;
  put(name: string, body: string): Promise<string>;
  ask(name: string, body: string, title?: string): Promise<number>;
  text(checkpoint: number, decision?: Decision, factory?: string): Promise<string>;
  decide(
    checkpoint: number,
    signature: string,
    given?: { decision?: Decision; human?: string },
  ): Promise<string>;
  state(checkpoint: number): Promise<string>;
}

async function bench(dialect: Dialect = 'sqlite'): Promise<Bench> {
  const databaseUrl = dialect === 'postgres' ? await newLocation(dialect) : undefined;
  const factory = await startFactory({ servers: ['tasks', 'gates'], databaseUrl });
  const { db } = factory.services.store;
  const key = await addHuman(factory, 'ada');
  const ceo = await worker(factory, 'ceo');
  const put = async (name: string, body: string) =>
    (await ceo.ok<{ artifact: string }>('artifact_put', { name, body })).artifact;
  return {
    ...factory,
    ceo,
    key,
    databaseUrl,
    put,
    async ask(name, body, title = 'Well?') {
      const artifact = await put(name, body);
      const asked = await ceo.ok<{ checkpoint: string }>('checkpoint_request', { name, title, artifact });
      return Number(asked.checkpoint.slice(2));
    },
    text: (checkpoint, decision = 'approve', name = 'c-suite') => textToSign(db, name, checkpoint, decision),
    decide: (checkpoint, signature, { decision = 'approve', human = 'ada' } = {}) =>
      decide(factory.services, { checkpoint, decision, human, signature }).then(
        ({ state }) => state,
        ({ rule }) => rule,
      ),
    state: async (id) =>
      (await db.selectFrom('checkpoints').select('state').where('id', '=', id).executeTakeFirstOrThrow())
        .state,
  };
}

/** Enrols a human with a throw-away key, and returns the key. */
async function addHuman({ services, clock }: TestFactory, name: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = toSshPublicKey(privateKey, name);
  const row = { name, public_key: formatPublicKey(publicKey), fingerprint: fingerprint(publicKey) };
  await services.store.db
    .insertInto('humans')
    .values({ ...row, assurance: 'rehearsal', added_at: clock.now(), revoked_at: null })
    .execute();
  return privateKey;
}

const sign = (text: string, key: KeyObject, namespace = CHECKPOINT_NAMESPACE) =>
  signSsh(text, key, namespace);

test.each<[string, (at: Bench, checkpoint: number) => Promise<string>]>([
  [
    'made for another factory',
    async (at, c) => at.decide(c, sign(await at.text(c, 'approve', 'solo'), at.key)),
  ],
  [
    'made for the same question, text and number of another store of the same name',
    async (at, c) => {
      const other = await bench();
      return at.decide(c, sign(await other.text(await other.ask('brief', 'Build it')), at.key));
    },
  ],
  [
    'of an adoption, of git, of a file',
    async (at, c) => {
      const text = await at.text(c);
      const given = [ADOPTION_NAMESPACE, 'git', 'file'].map((namespace) => sign(text, at.key, namespace));
      const found = await Promise.all(given.map((signature) => at.decide(c, signature)));
      return [...new Set(found)].join();
    },
  ],
  [
    "by the factory's own key",
    async (at, c) => at.decide(c, sign(await at.text(c), (await at.services.key()).privateKey)),
  ],
  [
    'by one human in the name of another',
    async (at, c) => at.decide(c, sign(await at.text(c), await addHuman(at, 'bob'))),
  ],
  [
    'in a name that looks like the human’s',
    async (at, c) => {
      const names = ['\u0430da', 'ada\u200b', 'ADA', ' ada', 'ada\u0301', '%', "ada' or '1'='1"];
      const signature = sign(await at.text(c), at.key);
      const found = await Promise.all(names.map((human) => at.decide(c, signature, { human })));
      return [...new Set(found)].join();
    },
  ],
  [
    'by a key that files in the factory name as the human’s',
    async (at, c) => {
      const eve = generateKeyPairSync('ed25519').privateKey;
      const line = formatPublicKey(toSshPublicKey(eve, 'ada'));
      await mkdir(join(at.home, 'humans'), { recursive: true });
      const note = JSON.stringify({ kind: 'ssh', path: join(at.home, 'eve.pub') });
      await writeFile(join(at.home, 'humans', 'ada.json'), note);
      for (const file of ['allowed_signers', 'humans/ada.pub', 'keys/ada.pub', 'eve.pub']) {
        await mkdir(join(at.home, file, '..'), { recursive: true });
        await writeFile(join(at.home, file), `ada ${line}\n`);
      }
      return at.decide(c, sign(await at.text(c), eve));
    },
  ],
  [
    'over the text with one sign changed to one that looks the same',
    async (at, c) => {
      const text = await at.text(c);
      const edits = [
        text.replace('i', '\u0456'),
        `${text}\u200b`,
        text.trimEnd(),
        text.replace('\n', '\r\n'),
      ];
      const found = await Promise.all(edits.map((edit) => at.decide(c, sign(edit, at.key))));
      return [...new Set(found)].join();
    },
  ],
])('forged: a signature %s', async (_what, attack) => {
  const at = await bench();
  const checkpoint = await at.ask('brief', 'Build it');

  expect(await attack(at, checkpoint)).toBe('checkpoint.forged');

  expect(await at.state(checkpoint)).toBe('open');
  expect(new Set(await refusedRules(at))).toEqual(new Set(['checkpoint.forged approve']));
  expect(
    await at.decide(checkpoint, sign(await at.text(checkpoint), at.key)),
    'the right one still counts',
  ).toBe('approved');
});

test('a document that looks the same as the one that was signed is shown as another, and not decided', async () => {
  const at = await bench();
  const honest = 'Pay 100 to paypal.example, caf\u00e9 included';
  const twins = [
    honest.replace('a', '\u0430'),
    honest.replace('100', '10\u200b0'),
    honest.replace('100', '\u202e001\u202c'),
    honest.replace('\u00e9', 'e\u0301'),
    `${honest} `,
    honest.replace(' ', '\u00a0'),
  ];
  const texts = new Set<string>();
  for (const [index, twin] of twins.entries()) {
    const checkpoint = await at.ask(`brief-${index}`, honest);
    const signature = sign(await at.text(checkpoint), at.key);
    await at.put(`brief-${index}`, twin);
    expect(await at.decide(checkpoint, signature), JSON.stringify(twin)).toBe('checkpoint.edited');

    const asked = await at.ask(`brief-${index}`, twin, twin);
    const text = await at.text(asked);
    expect(text.replaceAll('\n', '')).not.toMatch(UNSEEN);
    texts.add(text.slice(text.indexOf('\n| '), text.indexOf('\nend of document')));
    expect(await at.decide(asked, signature)).toBe('checkpoint.replayed');
    expect(await at.decide(asked, sign(text, at.key))).toBe('approved');
  }
  expect(texts.size, 'each looks different').toBe(twins.length);
});

test('an old approval does not count again when the old document comes back', async () => {
  const at = await bench();
  const first = await at.ask('brief', 'Build it');
  const signature = sign(await at.text(first), at.key);
  expect(await at.decide(first, signature)).toBe('approved');
  const second = await at.ask('brief', 'Build more');
  const no = sign(await at.text(second, 'reject'), at.key);
  expect(await at.decide(second, no, { decision: 'reject' })).toBe('rejected');

  const third = await at.ask('brief', 'Build it');

  expect(third).toBeGreaterThan(second);
  expect(await at.decide(third, signature)).toBe('checkpoint.replayed');
  expect(await at.decide(third, no, { decision: 'reject' })).toBe('checkpoint.replayed');
  expect(await at.state(third)).toBe('open');
});

test('what has expired stays so when the clock goes back', async () => {
  const at = await bench();
  const checkpoint = await at.ask('brief', 'Build it');
  const signature = sign(await at.text(checkpoint), at.key);
  at.clock.advance(73 * 3_600_000);
  expect(await at.decide(checkpoint, signature)).toBe('checkpoint.expired');

  at.clock.advance(-73 * 3_600_000);

  expect(await at.decide(checkpoint, signature)).toBe('checkpoint.expired');
  expect(await at.state(checkpoint)).toBe('expired');
});

test('what stood behind a key is said as it is: a rehearsal’s key makes no other assurance', async () => {
  const at = await bench();
  const checkpoint = await at.ask('brief', 'Build it');
  expect(await at.decide(checkpoint, sign(await at.text(checkpoint), at.key))).toBe('approved');

  const { checkpoints } = await at.ceo.ok<{ checkpoints: object[] }>('checkpoint_status', {
    checkpoint: `C-${checkpoint}`,
  });

  expect(checkpoints).toMatchObject([{ state: 'approved', decided_by: 'ada', assurance: 'rehearsal' }]);
});

test.each(DIALECTS)(
  'of yes and no from two processes at the same moment one counts (%s)',
  async (dialect) => {
    const at = await bench(dialect);
    const seen: string[] = [];
    for (const round of [1, 2, 3]) {
      const checkpoint = await at.ask(`brief-${round}`, 'Build it');
      const deciding = async (decision: Decision) => {
        const signature = sign(await at.text(checkpoint, decision), at.key);
        const { home, databaseUrl, clock } = at;
        return startDecider({ home, databaseUrl, now: clock.now(), checkpoint, decision, signature });
      };
      const both = [await deciding('approve'), await deciding('reject')];
      const outcomes = await Promise.all(both.map((process) => process.go()));

      const counted = outcomes.filter((outcome) => outcome === 'approved' || outcome === 'rejected');
      expect(outcomes).toContain('checkpoint.replayed');
      expect(counted).toEqual([await at.state(checkpoint)]);
      seen.push(...counted);
    }
    const decided = await at.services.store.db
      .selectFrom('activity')
      .select('event')
      .where('event', 'in', ['checkpoint.approved', 'checkpoint.rejected'])
      .orderBy('seq')
      .execute();
    expect(decided.map(({ event }) => event)).toEqual(seen.map((state) => `checkpoint.${state}`));
    expect(await verifyRecord(at.services.store.db)).toMatchObject({ ok: true });
  },
);

/** A process that has opened the store and waits to be let go; `go` gives what its decision came to. */
async function startDecider(deciding: Deciding) {
  const child = execa(process.execPath, [DECIDER, JSON.stringify(deciding)], {
    stdin: 'pipe',
    timeout: 120_000,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.catch(() => {});
  await once(child.stdout, 'data');
  return {
    async go(): Promise<string> {
      child.stdin.write('go\n');
      return (await child).stdout.split('\n').at(-1) ?? '';
    },
  };
}

test('an agent of any role, with every tool it has and some it has not, decides nothing', async () => {
  const tools = await fleetTools();
  const at = await hostileSite(tools, { isBuilt: false });
  const { db } = at.factory.services.store;
  await addHuman(at.factory, 'ada');
  const request = tools.find(({ shown }) => shown.name === 'checkpoint_request');
  if (!request) throw new Error('nobody can ask');
  const asked = await at.call(request, {
    name: 'brief',
    title: 'Well?',
    ...at.fitting('checkpoint_request'),
  });
  const id = Number((asked.value as { checkpoint?: string }).checkpoint?.slice(2));
  const find = () => db.selectFrom('checkpoints').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const before = await find();
  expect(before).toMatchObject({ state: 'open', human: null, signature: null });

  const words = [`C-${id}`, 'approve', 'approved', 'ada', `approve C-${id}`, before.digest, before.nonce];
  let calls = 0;
  for (const tool of tools) {
    for (const { path } of textArguments(tool)) {
      for (const word of words) {
        const { isError } = await at.call(tool, argumentsWith(tool, at.fitting(tool.shown.name), path, word));
        calls++;
        if (!isError) await at.putBack(tool);
      }
    }
  }
  const { factory } = await at.factory.services.factory();
  for (const role of Object.keys(factory.roles).filter((name) => name !== IDLE)) {
    for (const name of ['checkpoint_approve', 'checkpoint_decide', 'approve', 'human_add', 'sign']) {
      const args = { checkpoint: `C-${id}`, decision: 'approve', human: 'ada', signature: 'x' };
      expect((await at.as(role, name, args)).text).toMatch(/^NOT_FOUND: There is no tool /);
      calls++;
    }
  }

  expect(calls).toBeGreaterThan(400);
  expect(await find()).toEqual(before);
  const humans = await db.selectFrom('humans').select('name').execute();
  expect(humans).toEqual([{ name: 'ada' }]);
  const decided = db.selectFrom('activity').select('event').where('role', '=', 'human');
  expect(await decided.execute()).toEqual([]);
  const others = await db.selectFrom('checkpoints').select('state').where('human', 'is not', null).execute();
  expect(others).toEqual([]);
});
