import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { sha256Hex } from '../../servers/core/signing/canonical.ts';
import { buildOnce, type Desk, LAUNCHER, openDesk, openRehearsed, PASSPHRASE, withStore } from './command.ts';

beforeAll(buildOnce);

const definition = (desk: Desk) => join(desk.home, 'shop', 'factory.yaml');

async function grant(desk: Desk) {
  const before = await readFile(definition(desk), 'utf8');
  await writeFile(
    definition(desk),
    before.replace(/(\n {2}developer:[\s\S]*?change:submit)/, '$1, release:cut'),
  );
  return before;
}

async function askForDecision(desk: Desk, title: string): Promise<void> {
  await withStore(desk, async ({ store }) => {
    const body = 'We build a wall.';
    const task = await store.db
      .insertInto('tasks')
      .values({
        title,
        description: '',
        criteria: '[]',
        stops: '[]',
        role: 'ceo',
        priority: 0,
        state: 'active',
        deps_left: 0,
        lapses: 0,
        ready_at: 0,
        pipeline: null,
        phase: null,
        step: null,
        round: 1,
        workspace: null,
        outcome: null,
        created_by: 's',
        created_at: 1,
        finished_at: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    const artifact = await store.db
      .insertInto('artifacts')
      .values({
        task: task.id,
        pipeline: null,
        name: 'brief',
        media: 'text/markdown',
        digest: sha256Hex(body),
        size: body.length,
        body,
        session: 's',
        agent: 'ceo',
        root: 's',
        fence: 1,
        created_at: 1,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await store.db
      .insertInto('checkpoints')
      .values({
        name: 'brief',
        title,
        artifact: artifact.id,
        digest: sha256Hex(body),
        pipeline: null,
        task: task.id,
        requested_by: 'ceo',
        requested_at: 1,
        expires_at: Date.now() + 60_000,
        nonce: title,
        state: 'open',
        human: null,
        assurance: null,
        signature: null,
        decided_at: null,
      })
      .execute();
  });
}

async function rules(desk: Desk) {
  const { entries } = (await desk.run(['record', 'tail', '--all'])).json as unknown as {
    entries: { rule: string }[];
  };
  return entries.map(({ rule }) => rule).filter(Boolean);
}

test('a grant without a signature is refused and recorded; with one it is in force', async () => {
  const desk = await openRehearsed();
  const before = await grant(desk);

  const unsigned = await desk.run(['factory', 'apply'], { input: 'not the passphrase' });
  const signed = await desk.run(['factory', 'apply'], { input: PASSPHRASE });
  await writeFile(definition(desk), before);
  await desk.run(['factory', 'apply'], { input: PASSPHRASE });
  await grant(desk);
  const replayed = await desk.run(['factory', 'apply'], { input: PASSPHRASE });

  expect([unsigned.exit, unsigned.json.error?.code]).toEqual([1, 'SIGNATURE_REFUSED']);
  expect(signed.json).toMatchObject({
    ok: true,
    applied: true,
    version: 2,
    human: 'owner',
    grants: ['+ developer may release:cut'],
  });
  expect([replayed.exit, replayed.json.error?.code]).toEqual([1, 'SIGNATURE_USED']);
  expect(await rules(desk)).toEqual(['factory.unsigned']);
  expect((await desk.run(['factory', 'show'])).json).toMatchObject({ version: 3, assurance: 'rehearsal' });
});

test('without a human nothing is applied, and without a terminal nobody signs or is enrolled', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  await grant(desk);

  const applied = await desk.run(['factory', 'apply'], { input: PASSPHRASE });
  const added = await desk.run(['human', 'add', 'agent'], { input: `${PASSPHRASE}\n${PASSPHRASE}\n` });
  const rehearsed = await desk.run(['human', 'add', 'agent', '--rehearsal'], { input: PASSPHRASE });

  expect([applied.exit, applied.json.error?.code]).toEqual([3, 'NO_HUMAN']);
  expect(applied.json.error?.remedy).toContain('human add');
  expect([added.exit, added.json.error?.code]).toEqual([1, 'NO_TERMINAL']);
  expect(rehearsed.json.error?.code).toBe('NO_REHEARSAL');
  expect(await rules(desk)).toEqual(['factory.unsigned']);
});

test('at a terminal a person makes a key; the passphrase is asked twice and never shown', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const command = [process.execPath, LAUNCHER, 'human', 'add', 'ada'].map((word) => `'${word}'`).join(' ');

  const terminal = execa('script', ['-qec', command, '/dev/null'], {
    cwd: desk.repository,
    env: { MILLWRIGHT_HOME: desk.home },
    timeout: 20_000,
    reject: false,
  });
  let seen = '';
  let answered = 0;
  terminal.stdout.on('data', (chunk) => {
    seen += String(chunk);
    const asked = seen.match(/(12 or more|again)\): |again: /g)?.length ?? 0;
    for (; answered < asked; answered++) setTimeout(() => terminal.stdin.write(`${PASSPHRASE}\r`), 100);
  });
  const { exitCode } = await terminal;

  expect(exitCode).toBe(0);
  expect(answered).toBe(2);
  expect(seen).not.toContain('battery');
  expect((await desk.run(['human', 'list'])).json).toMatchObject({
    humans: [{ name: 'ada', assurance: 'passphrase' }],
  });
});

test('a second human needs the signature of the first, and the last cannot be revoked', async () => {
  const desk = await openRehearsed();

  const alone = await desk.run(['human', 'add', 'bob'], { input: `another long secret\nwrong\n` });
  const revokedLast = await desk.run(['human', 'revoke', 'owner'], { input: PASSPHRASE });
  const key = join(desk.home, 'shop', 'humans', 'bob.pem');
  const signed = await desk.run(['human', 'add', 'bob', '--key', key], {
    input: `another long secret\n${PASSPHRASE}\n`,
  });
  const revoked = await desk.run(['human', 'revoke', 'bob', '--human', 'owner'], { input: PASSPHRASE });

  expect(alone.json.error?.code).toBe('SIGNATURE_REFUSED');
  expect(revokedLast.json.error?.code).toBe('LAST_HUMAN');
  expect(signed.json).toMatchObject({ ok: true, human: 'bob', signedBy: 'owner' });
  expect(revoked.json).toMatchObject({ ok: true, human: 'bob', revoked: true });
});

test('an SSH key in a file without a passphrase is no human', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const open = join(desk.folder, 'open');
  const locked = join(desk.folder, 'locked');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', open]);
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', PASSPHRASE, '-f', locked]);

  const refused = await desk.run(['human', 'add', 'ada', '--ssh-key', `${open}.pub`]);
  const taken = await desk.run(['human', 'add', 'ada', '--ssh-key', `${locked}.pub`]);

  expect([refused.exit, refused.json.error?.code]).toEqual([1, 'KEY_UNPROTECTED']);
  expect(taken.json).toMatchObject({ ok: true, assurance: 'passphrase' });
});

test('a checkpoint is decided by a signature over exactly what is printed, made here or elsewhere', async () => {
  const desk = await openRehearsed();
  await askForDecision(desk, 'Build \u001b[2Ja wall');
  await askForDecision(desk, 'Another');
  const text = join(desk.folder, 'text');
  const signature = join(desk.folder, 'text.sig');

  const listed = await desk.say(['checkpoints']);
  const printed = await desk.say(['approve', 'C-1', '--print']);
  await writeFile(text, `${printed.stdout}\n`);
  const signed = await desk.run(['sign', text, '--key', join(desk.home, 'shop', 'humans', 'owner.pem')], {
    input: PASSPHRASE,
  });
  await writeFile(signature, String(signed.json.signature));
  const forOther = await desk.run(['approve', 'C-2', '--signature', signature]);
  const approved = await desk.run(['approve', 'C-1', '--signature', signature]);
  const again = await desk.run(['approve', 'C-1', '--signature', signature]);
  const rejected = await desk.run(['approve', 'C-2', '--reject'], { input: PASSPHRASE });

  expect(listed.stdout).not.toContain('\u001b[2J');
  expect(listed.stdout).toContain('\\u{1b}[2Ja wall');
  expect(printed.stdout).toContain('| We build a wall.');
  expect([forOther.exit, approved.exit, again.exit, rejected.exit]).toEqual([1, 0, 1, 0]);
  expect(approved.json).toMatchObject({ state: 'approved', human: 'owner', assurance: 'rehearsal' });
  expect(rejected.json).toMatchObject({ state: 'rejected' });
  expect(await rules(desk)).toEqual(['checkpoint.replayed']);
});
