import { join } from 'node:path';
import { applyFirstDefinition, enrol, readDefinition } from '../../servers/core/factory/create.ts';
import { openServices } from '../../servers/core/open.ts';
import { insertTask } from '../../servers/tasks/queries.ts';

/** Makes the smallest factory in `folder`, with a few ready tasks, and gives the enrolment of its developer. */
export async function smallFactory(folder: string, tasks = 5): Promise<string> {
  const services = await openServices(join(folder, 'factory'));
  try {
    await applyFirstDefinition(services, await readDefinition('solo'), 'initial');
    await services.store.transaction(async (tx) => {
      for (let index = 1; index <= tasks; index++) {
        await insertTask(tx, {
          title: `Task ${index}`,
          description: 'Add the page that the request asks for.',
          criteria: ['The page answers with status 200.'],
          stops: ['The page needs a new binding.'],
          role: 'developer',
          priority: 50,
          needs: [],
          createdBy: 'ceo',
          now: services.clock.now(),
        });
      }
    });
    return await enrol(services, 'developer');
  } finally {
    await services.close();
  }
}
