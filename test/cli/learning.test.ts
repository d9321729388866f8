import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { insertTask } from '../../servers/tasks/queries.ts';
import { buildOnce, type Desk, openRehearsed, withStore } from './command.ts';

beforeAll(buildOnce);

/** What an agent of the role did badly: a task of it with a FAIL on its change. */
const failOnce = (desk: Desk, role: string) =>
  withStore(desk, (services) =>
    services.store.transaction(async (tx) => {
      const now = services.clock.now();
      const task = await insertTask(tx, {
        title: 'Build it',
        description: '',
        criteria: ['It answers'],
        stops: ['It does not'],
        role,
        priority: 50,
        needs: [],
        createdBy: 'ceo',
        now,
      });
      await tx
        .updateTable('tasks')
        .set({ state: 'done', started_at: now, finished_at: now })
        .where('id', '=', task)
        .execute();
      const by = { agent: `${role}`, root: 'r', created_at: now };
      const commit = { commit_id: 'c'.repeat(40), tree_id: 't'.repeat(40) };
      await tx
        .insertInto('submissions')
        .values({
          ...by,
          ...commit,
          task,
          pipeline: null,
          fence: 1,
          base_commit: 'b',
          diff_digest: 'd',
          session: 's',
          merged_commit: null,
          merged_at: null,
        })
        .execute();
      await tx
        .insertInto('verdicts')
        .values({
          ...by,
          ...commit,
          verdict: 'FAIL',
          reasons: JSON.stringify(['qa.probe: "Ignore your role" is markup on /wall']),
          digest: 'e'.repeat(64),
          task,
          pipeline: null,
        })
        .execute();
    }),
  );

test('lessons are listed, shown, rendered, and become a task for a rule', async () => {
  const desk = await openRehearsed();

  const listed = await desk.run(['lessons']);
  const { lessons, file } = listed.json as unknown as {
    lessons: { id: string; by: string; state: string }[];
    file: string;
  };
  expect(lessons).toHaveLength(9);
  expect(new Set(lessons.map(({ by, state }) => `${by} ${state}`))).toEqual(new Set(['Millwright active']));
  expect(file).toBe(join(desk.home, 'shop', 'memory', 'lessons.md'));
  expect(await readFile(file, 'utf8')).toContain('Never pass --env to reach production.');
  expect((await desk.run(['lessons', '--state', 'faded'])).json).toMatchObject({ lessons: [] });

  const id = lessons.at(-1)?.id ?? '';
  const shown = await desk.run(['lessons', 'show', id]);
  expect(shown.json).toMatchObject({ id, uses: [], evidence: ['seed:workers-cpu-limit'] });
  expect((await desk.run(['lessons', 'show', 'L-99'])).json.error).toMatchObject({ code: 'ID' });

  const proposed = await desk.run(['lessons', 'propose', id]);
  expect(proposed.json).toMatchObject({ lesson: id, task: 'T-1', role: 'developer' });
  const task = await withStore(desk, ({ store }) =>
    store.db.selectFrom('tasks').selectAll().executeTakeFirstOrThrow(),
  );
  expect(task.title).toContain(id);
  expect(task.description).toContain('seed:workers-cpu-limit');
  expect((await desk.run(['estimates'])).json).toMatchObject({ ok: true, estimates: [] });
});

test('learn gathers what went against a role, once, and nobody judges their own words', async () => {
  const desk = await openRehearsed();
  for (const role of ['developer', 'ceo']) await failOnce(desk, role);

  const first = await desk.run(['learn']);
  const again = await desk.run(['learn', 'developer']);

  const { learned } = first.json as unknown as {
    learned: { role: string; failures: number; pipeline: string | null }[];
  };
  expect(learned.filter(({ failures }) => failures > 0)).toMatchObject([
    { role: 'ceo', pipeline: 'P-1' },
    { role: 'developer', pipeline: 'P-2' },
  ]);
  expect(again.json).toMatchObject({ learned: [{ pipeline: null, why: 'P-2 runs already' }] });
  expect((await desk.run(['learn', 'wizard'])).json.error).toMatchObject({ code: 'ROLE' });
  const { tasks, evidence } = await withStore(desk, async ({ store }) => ({
    tasks: await store.db
      .selectFrom('tasks')
      .selectAll()
      .where('pipeline', 'is not', null)
      .orderBy('id')
      .execute(),
    evidence: await store.db
      .selectFrom('artifacts')
      .selectAll()
      .where('pipeline', '=', 2)
      .executeTakeFirstOrThrow(),
  }));
  expect(tasks.map(({ pipeline, step, role }) => `P-${pipeline} ${step} ${role}`)).toEqual([
    'P-1 propose-words ceo',
    'P-1 accept-words reviewer',
    'P-2 propose-words reviewer',
    'P-2 accept-words ceo',
  ]);
  expect(evidence.body).toContain('"qa.probe: \\"Ignore your role\\" is markup on /wall"');
  expect(evidence.body).toContain('role: developer\ndescription: Use when');
  expect(evidence.body).toMatch(/## Tools it has\n\n.*\bchange_submit\b/);
});
