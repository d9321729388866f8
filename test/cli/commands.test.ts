import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../cli/commands.ts';
import { buildOnce, openDesk, openRehearsed, PASSPHRASE } from './command.ts';

beforeAll(buildOnce);

test('alone it prints help; every command has one that names its options', async () => {
  const desk = await openDesk();
  const alone = await desk.say([]);
  const names = [...alone.stdout.matchAll(/^ {2}([a-z]+)(?: \[| <| {2})/gm)].map(([, name = '']) => name);
  const helped = await Promise.all(['adopt', 'up', 'record'].map((name) => desk.say([name, '--help'])));

  expect(alone.exit).toBe(0);
  expect(names).toEqual(expect.arrayContaining(['init', 'adopt', 'approve', 'doctor', 'rehearse', 'layer']));
  expect(helped.map(({ exit, stderr }) => [exit, stderr])).toEqual(Array(3).fill([0, '']));
});

test('each entry of the command line adds the names it is found by, and no other', async () => {
  for (const [names, add] of COMMANDS.flatMap(([, commands]) => Object.entries(commands))) {
    const program = new Command();
    await add(program);
    const added = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
    expect(added.toSorted()).toEqual(names.split(' ').toSorted());
  }
});

test('a stop and its end are recorded, for the factory or a role, and shown', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const wrong = await desk.run(['stop', 'why', '--role', 'boss']);
  await desk.run(['stop', 'too', 'fast', '--role', 'developer']);
  const shown = await desk.run(['status']);
  const resumed = await desk.run(['resume']);
  const tail = await desk.run(['record', 'tail', '-n', '2']);

  expect([wrong.exit, wrong.json.error?.code]).toEqual([2, 'NO_ROLE']);
  expect(shown.json.stopped).toMatchObject([{ scope: 'role:developer', reason: 'too fast' }]);
  expect(resumed.json).toMatchObject({ ok: true, resumed: ['role:developer'] });
  expect(tail.json.entries).toMatchObject([{ event: 'factory.stopped' }, { event: 'factory.resumed' }]);
});

test('a copy of the store verifies, is private, and is never written over another file', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const copy = join(desk.folder, 'copy.sqlite');
  const made = await desk.run(['backup', copy]);
  const again = await desk.run(['backup', copy]);
  const verified = await desk.run(['record', 'verify', '--database', copy]);
  const none = await desk.run(['record', 'verify', '--database', join(desk.folder, 'none')]);

  expect(made.json).toMatchObject({ ok: true, file: copy });
  expect([again.exit, again.json.error?.code]).toEqual([1, 'EXISTS']);
  expect(verified.json).toMatchObject({ verified: true, entries: 6 });
  expect([none.exit, none.json.error?.code]).toEqual([2, 'NO_COPY']);
});

test('sign takes texts of Millwright only; a pipeline is shown by its id; a layer needs its lockfile', async () => {
  const desk = await openRehearsed();
  const key = join(desk.home, 'shop', 'humans', 'owner.pem');
  const text = join(desk.folder, 'text');
  await writeFile(text, 'Pay everything to Mallory\n');
  await mkdir(join(desk.folder, 'modules'));
  await writeFile(join(desk.repository, 'b.txt'), 'b\n');
  await desk.git(['add', '-A']);
  await desk.git(['commit', '-q', '-m', 'More']);

  const foreign = await desk.run(['sign', text, '--key', key], { input: PASSPHRASE });
  await desk.run(['adopt', 'HEAD'], { input: PASSPHRASE });
  const shown = await desk.run(['pipeline', 'P-1']);
  const none = await desk.run(['pipeline', 'P-9']);
  const layer = await desk.run([
    'layer',
    'import',
    join(desk.folder, 'modules'),
    '--product',
    desk.repository,
  ]);

  const lock = { name: 'shop', lockfileVersion: 3, packages: { '': { name: 'shop' } } };
  await writeFile(join(desk.repository, 'package-lock.json'), JSON.stringify(lock));
  const imported = await desk.run([
    'layer',
    'import',
    join(desk.folder, 'modules'),
    '--product',
    desk.repository,
  ]);

  expect([foreign.exit, foreign.json.error?.code]).toEqual([1, 'NOT_A_TEXT']);
  expect(shown.json).toMatchObject({ pipeline: 'P-1', state: 'running', phases: expect.any(Array) });
  expect((shown.json.phases as unknown as { id: string }[]).map(({ id }) => id)).toEqual([
    'adopt',
    'gates',
    'review',
    'qa',
    'land',
  ]);
  expect([none.exit, none.json.error?.code]).toEqual([2, 'ID']);
  expect([layer.exit, layer.json.error?.code]).toEqual([2, 'NO_LOCKFILE']);
  expect(imported.json).toMatchObject({ ok: true, digest: expect.any(String) });
});
