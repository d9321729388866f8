import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, expect, test } from 'vitest';
import { remember } from '../../servers/memory/keep.ts';
import { memoryFile, syncMemory } from '../../servers/memory/render.ts';
import { buildOnce, type Desk, openRehearsed, withStore } from './command.ts';

beforeAll(buildOnce);

const writer = { agent: 'developer', role: 'developer', session: null, task: null, commit: null, now: 1_000 };

/** A factory whose developer keeps two entries. */
async function remembering(): Promise<Desk & { path: string; enrolment: string }> {
  const desk = await openRehearsed();
  const path = await withStore(desk, async (services) => {
    await services.store.transaction(async (tx) => {
      await remember(tx, writer, { kind: 'decision', text: 'No framework.', origin: 'agent' });
      await remember(tx, writer, { kind: 'next', text: 'Write the form.', origin: 'agent', private: true });
    });
    await syncMemory(services, 'developer');
    return memoryFile(services.paths, 'developer');
  });
  return { ...desk, path, enrolment: join(desk.home, 'shop', 'enrolments', 'developer.json') };
}

const hook = (event: string, more: Record<string, unknown> = {}) =>
  JSON.stringify({ session_id: 'host-1', hook_event_name: event, transcript_path: '/nowhere', ...more });

const cards = (desk: Desk) =>
  withStore(desk, ({ store }) =>
    store.db.selectFrom('state_cards').selectAll().orderBy('created_at').execute(),
  );

test('shows who remembers how much, a MEMORY.md, and every entry', async () => {
  const desk = await remembering();
  await writeFile(desk.path, (await readFile(desk.path, 'utf8')).replace('No framework.', 'One framework.'));

  const all = await desk.run(['memory', 'show', 'developer', '--all']);
  const overview = await desk.run(['memory', 'show']);
  const text = await desk.say(['memory', 'show', 'developer']);

  expect(overview.json).toMatchObject({
    ok: true,
    agents: expect.arrayContaining([expect.objectContaining({ agent: 'developer', live: 2, all: 3 })]),
  });
  expect(text.stdout).toContain('## Decisions\n- One framework. [M-3]\n');
  expect(all.json).toMatchObject({
    entries: [
      { id: 'M-3', origin: 'hand', validTo: null },
      { id: 'M-2', kind: 'next', private: true, recorded: '1970-01-01T00:00:01Z' },
      { id: 'M-1', supersededBy: 'M-3' },
    ],
  });
  expect(await desk.run(['memory', 'show', 'nobody'])).toMatchObject({ exit: 2, json: { ok: false } });
});

test('edit opens the file in an editor with its arguments, and says what it took in', async () => {
  const desk = await remembering();
  const editor = join(desk.folder, 'editor.mjs');
  await writeFile(
    editor,
    `import { readFileSync, writeFileSync } from 'node:fs';
     const [flag, file] = process.argv.slice(2);
     if (flag !== '--wait') process.exit(9);
     writeFileSync(file, readFileSync(file, 'utf8').replace('No framework.', 'One framework.'));`,
  );
  const env = { EDITOR: `${process.execPath} ${editor} --wait` };

  expect(await desk.run(['memory', 'edit', 'developer'], { env })).toMatchObject({
    exit: 0,
    json: { ok: true, changed: ['M-3'], added: [], ended: [], conflicts: [] },
  });
  expect(
    await desk.run(['memory', 'edit', 'developer'], { env: { EDITOR: 'false; touch x' } }),
  ).toMatchObject({
    exit: 1,
    json: { error: { code: 'EDITOR' } },
  });
});

test('a hook after compaction gets the card back; at its other events one card each is kept', async () => {
  const desk = await remembering();
  const run = (input: string, more: string[] = []) =>
    desk.say(['memory', 'card', '--enrolment', desk.enrolment, ...more], { input });

  const compacted = await run(hook('SessionStart', { source: 'compact', compact_summary: 'I did it all.' }));
  const started = await run(hook('SessionStart', { source: 'startup' }));
  for (const event of ['PreCompact', 'SessionEnd', 'SubagentStop', 'PreCompact']) await run(hook(event));
  await run('no json', ['--event', 'SessionEnd']);

  const said = JSON.parse(compacted.stdout);
  expect(said.hookSpecificOutput.hookEventName).toBe('SessionStart');
  expect(said.hookSpecificOutput.additionalContext).toContain('## Decisions\n- No framework. [M-1]');
  expect(said.hookSpecificOutput.additionalContext).not.toContain('I did it all.');
  expect(started).toMatchObject({ exit: 0, stdout: '' });
  const kept = await cards(desk);
  expect(kept).toHaveLength(4);
  expect(kept[0]?.body).toContain('- Write the form. [M-2]');
});

test('a revoked enrolment gets nothing, and stops no host', async () => {
  const desk = await remembering();
  await withStore(desk, ({ store }) => store.db.updateTable('enrolments').set({ revoked_at: 1 }).execute());

  const { exit, stdout, stderr } = await desk.say(['memory', 'card', '--enrolment', desk.enrolment], {
    input: hook('SessionStart', { source: 'compact' }),
  });

  expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' });
  expect(stderr).toContain('revoked');
});

test('while the store is away events wait on disk, and each becomes one card, once', async () => {
  const desk = await remembering();
  const lock = new Database(join(desk.home, 'shop', 'store.sqlite'));
  lock.exec('begin immediate');
  const since = performance.now();

  const waited = await desk.say(['memory', 'card', '--enrolment', desk.enrolment], {
    input: hook('PreCompact'),
  });
  const again = await desk.say(['memory', 'card', '--enrolment', desk.enrolment], {
    input: hook('PreCompact'),
  });

  expect([waited.exit, again.exit]).toEqual([0, 0]);
  expect((performance.now() - since) / 2).toBeLessThan(5_000);
  lock.exec('rollback');
  lock.close();
  const queue = join(desk.home, 'shop', 'enrolments', 'queue');
  expect(await readdir(queue)).toHaveLength(1);
  expect(await cards(desk)).toEqual([]);
  const runs = [1, 2, 3].map(() =>
    desk.say(['memory', 'card', '--enrolment', desk.enrolment], { input: hook('SessionEnd') }),
  );
  await Promise.all(runs);
  expect(await readdir(queue)).toEqual([]);
  expect(await cards(desk)).toHaveLength(2);
});

test('doctor fails loudly when sessions change things and remember nothing, or a MEMORY.md is none', async () => {
  const desk = await remembering();
  const finding = async (check: string) => {
    const { json } = await desk.run(['doctor']);
    return (json as unknown as { findings: { check: string; state: string; says: string }[] }).findings.find(
      (one) => one.check === check,
    );
  };
  const session = (n: number, entries: boolean) =>
    withStore(desk, ({ store }) =>
      store.transaction(async (tx) => {
        const of = { agent: 'developer', role: 'developer', root: `s${n}` };
        await tx
          .insertInto('sessions')
          .values({
            ...of,
            id: `s${n}`,
            enrolment: null,
            token_hash: null,
            opened_at: n,
            expires_at: n,
            beat_at: n,
            progress_at: n,
            ended_at: n,
            revoked_at: null,
            task: null,
            fence: null,
          })
          .execute();
        await tx
          .insertInto('artifacts')
          .values({
            name: 'note',
            media: 'text/plain',
            body: '',
            size: 0,
            digest: 'd',
            session: `s${n}`,
            agent: 'developer',
            root: `s${n}`,
            task: null,
            pipeline: null,
            fence: null,
            created_at: n,
          })
          .execute();
        if (entries)
          await remember(
            tx,
            { ...writer, session: `s${n}` },
            { kind: 'fact', text: `Fact ${n}`, origin: 'agent' },
          );
      }),
    );
  for (const n of [1, 2, 3, 4]) await session(n, false);
  expect(await finding('memory')).toMatchObject({
    state: 'ok',
    says: '0 of the last 4 working sessions wrote memory',
  });
  await session(5, false);
  expect(await finding('memory')).toMatchObject({
    state: 'fault',
    says: 'the last 5 sessions that changed something wrote no memory (developer)',
  });
  await session(6, true);
  expect(await finding('memory')).toMatchObject({ state: 'ok' });

  expect(await finding('MEMORY.md')).toMatchObject({ state: 'ok' });
  await rm(desk.path);
  await symlink('/etc/hostname', desk.path);
  expect(await finding('MEMORY.md')).toMatchObject({
    state: 'fault',
    says: `${desk.path} is no plain file.`,
  });
}, 90_000);
