import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, type Desk, openDesk, openRehearsed, PASSPHRASE, withStore } from './command.ts';

beforeAll(buildOnce);

async function commitOn(desk: Desk, files: Record<string, string>, subject: string): Promise<string> {
  for (const [path, text] of Object.entries(files)) await writeFile(join(desk.repository, path), text);
  await desk.git(['add', '-A']);
  await desk.git(['commit', '-q', '-m', subject]);
  return desk.git(['rev-parse', 'HEAD']);
}

const mainlineOf = (desk: Desk) => join(desk.home, 'shop', 'mainline.git');

const entered = (desk: Desk) =>
  withStore(desk, async ({ store }) => ({
    tasks: await store.db.selectFrom('tasks').select(['step', 'state']).orderBy('id').execute(),
    submissions: await store.db.selectFrom('submissions').select('agent').execute(),
    events: await store.db
      .selectFrom('activity')
      .select(['event', 'rule'])
      .where('event', 'in', ['adopt.signed', 'change.adopted', 'refused'])
      .orderBy('seq')
      .execute(),
    refs: await desk.git([
      '--git-dir',
      mainlineOf(desk),
      'for-each-ref',
      '--format=%(refname)',
      'refs/adopt',
    ]),
  }));

test("a person's commit enters by their signature over what is shown, protected paths too, and goes through the gates", async () => {
  const desk = await openRehearsed();
  const commit = await commitOn(desk, { 'CLAUDE.md': 'Be kind.\n', 'b.txt': 'b\n' }, 'Be \u001b[2Jkind');
  const tree = await desk.git(['rev-parse', 'HEAD^{tree}']);
  const elsewhere = join(desk.folder, 'elsewhere');
  await desk.git(['clone', '-q', mainlineOf(desk), elsewhere]);
  await desk.git(['commit', '-q', '--allow-empty', '-m', 'Mainline goes on'], elsewhere);
  await desk.git(['--git-dir', mainlineOf(desk), 'fetch', '-q', elsewhere, 'HEAD:main']);

  const printed = await desk.say(['adopt', 'HEAD', '--print']);
  const adopted = await desk.run(['adopt', 'main'], { input: PASSPHRASE });
  const { tasks, submissions, events, refs } = await entered(desk);

  expect(printed.stdout.split('\n').filter((line) => !/^leaves/.test(line))).toEqual([
    'Millwright adoption 1',
    'factory: shop',
    `commit: ${commit}`,
    `tree: ${tree}`,
    'attempt: 1',
    'subject: Be \\u{1b}[2Jkind',
    'commits: 1',
    'paths: 2, of which protected: 1',
    '| PROTECTED A CLAUDE.md',
    '| A b.txt',
    'end of adoption',
  ]);
  expect(adopted).toMatchObject({ exit: 0, json: { adopted: commit, human: 'owner', pipeline: 'P-1' } });
  expect(tasks.map(({ step, state }) => `${step} ${state}`)).toEqual([
    'adopt done',
    'gates ready',
    'review waiting',
    'qa waiting',
    'land waiting',
  ]);
  expect(submissions).toEqual([{ agent: 'human:owner' }]);
  expect(events.map(({ event }) => event)).toEqual(['adopt.signed', 'change.adopted']);
  expect(refs).toContain(`refs/adopt/${commit}`);
});

test('without a valid signature nothing enters, and a signature counts once and for one commit', async () => {
  const desk = await openRehearsed();
  await commitOn(desk, { 'AGENTS.md': 'One.\n' }, 'One');
  const text = join(desk.folder, 'text');
  const signature = join(desk.folder, 'text.sig');
  const key = join(desk.home, 'shop', 'humans', 'owner.pem');
  const printed = await desk.say(['adopt', 'HEAD', '--print']);
  await writeFile(text, `${printed.stdout}\n`);
  const signed = await desk.run(['sign', text, '--key', key], { input: PASSPHRASE });
  await writeFile(signature, String(signed.json.signature));
  await commitOn(desk, { 'AGENTS.md': 'Two.\n' }, 'Two');

  const wrong = await desk.run(['adopt', 'HEAD'], { input: 'no such passphrase' });
  const forOther = await desk.run(['adopt', 'HEAD', '--signature', signature]);
  const option = await desk.say(['--json', 'adopt', '--', '--output=owned']);
  const before = await entered(desk);
  const once = await desk.run(['adopt', 'HEAD~1', '--signature', signature]);
  const again = await desk.run(['adopt', 'HEAD~1', '--signature', signature]);
  const after = await entered(desk);

  expect([wrong.json.error?.code, forOther.json.error?.code]).toEqual([
    'SIGNATURE_REFUSED',
    'SIGNATURE_REFUSED',
  ]);
  expect([option.exit, option.json.error?.code]).toEqual([2, 'NO_COMMIT']);
  expect(before).toMatchObject({ tasks: [], submissions: [], refs: 'refs/adopt/seed' });
  expect(before.events).toEqual([{ event: 'refused', rule: 'adopt.unsigned' }]);
  expect([once.exit, again.json.error?.code]).toEqual([0, 'SIGNATURE_REFUSED']);
  expect(after.submissions).toHaveLength(1);
});

test('it needs a human, and says in words for a person what cannot enter', async () => {
  const nobody = await openDesk();
  await nobody.run(['init']);
  const desk = await openRehearsed();
  await commitOn(desk, { 'a\u0007b': 'A bell\n' }, 'A bell');

  const alone = await nobody.run(['adopt', 'HEAD', '--print']);
  const bell = await desk.run(['adopt', 'HEAD'], { input: PASSPHRASE });
  const nothing = await desk.run(['adopt', 'HEAD~1'], { input: PASSPHRASE });

  expect([alone.exit, alone.json.error?.code]).toEqual([3, 'NO_HUMAN']);
  expect([bell.exit, bell.json.error?.code]).toEqual([1, 'FORBIDDEN']);
  expect(bell.json.error?.remedy).not.toMatch(/change_submit|task_block|workspace/);
  expect(nothing.json.error?.code).toBe('NOTHING_NEW');
  expect((await entered(desk)).tasks).toEqual([]);
});
