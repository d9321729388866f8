import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { applyFirstDefinition, enrol, readDefinition } from '../../servers/core/factory/create.ts';
import { createAuthority } from '../../servers/core/git/authority.ts';
import { openServices } from '../../servers/core/open.ts';
import { verifyRecord } from '../../servers/core/record.ts';

/** Who plans; everybody else works. */
export const PLANNER = 'coo';

/** Makes a factory in `home`, and gives an enrolment token of one agent of every role. */
export async function makeFactory(home: string, databaseUrl: string | undefined) {
  const services = await openServices(home, { databaseUrl });
  try {
    const files = await readDefinition('c-suite');
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(home, name)), { recursive: true });
      await writeFile(join(home, name), text);
    }
    await applyFirstDefinition(services, files, 'initial');
    const initial = [{ path: 'README.md', content: 'Under load.\n' }];
    await createAuthority(services.paths.git, { initial, message: 'Start', at: new Date() });
    const { factory } = await services.factory();
    const tokens = new Map<string, string>();
    for (const [role, { agents }] of Object.entries(factory.roles)) {
      const file = await enrol(services, agents[0] as string);
      tokens.set(role, (JSON.parse(await readFile(file, 'utf8')) as { token: string }).token);
    }
    return tokens;
  } finally {
    await services.close();
  }
}

/** What is left of the work, how often the record says each task was done, and whether its chain verifies. */
export async function readOutcome(home: string, databaseUrl: string | undefined) {
  const services = await openServices(home, { databaseUrl });
  try {
    const { db } = services.store;
    const tasks = await db
      .selectFrom('tasks')
      .select(['state', (eb) => eb.fn.countAll<number>().as('tasks')])
      .groupBy('state')
      .execute();
    const twice = await db
      .selectFrom('activity')
      .select('subject')
      .where('tool', '=', 'task_complete')
      .where('event', '=', 'call')
      .groupBy('subject')
      .having((eb) => eb.fn.countAll(), '>', 1)
      .execute();
    return {
      states: Object.fromEntries(tasks.map(({ state, tasks: count }) => [state, Number(count)])),
      twice: twice.length,
      record: (await verifyRecord(db)).ok,
    };
  } finally {
    await services.close();
  }
}
