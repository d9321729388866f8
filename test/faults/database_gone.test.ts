import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { enrol } from '../../servers/core/factory/create.ts';
import { append } from '../../servers/core/record.ts';
import { startFactory } from '../harness.ts';
import { newLocation, opened } from '../store/stores.ts';
import { openLink } from './proxy.ts';
import { seatHere } from './seats.ts';

const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' };

test('a commit whose answer is lost may have taken effect, and the error says to look', async () => {
  const location = await newLocation('postgres');
  const link = await openLink(location);
  onTestFinished(() => link.close());
  const store = await opened(link.url);

  const transaction = store.transaction(async (tx) => {
    await append(store, tx, entry);
    link.deafen();
    void sleep(300).then(() => link.reset());
  });

  await expect(transaction).rejects.toMatchObject({
    code: 'UPSTREAM',
    rule: 'store.gone',
    remedy: expect.stringMatching(/^Wait a minute and look whether the call took effect/),
  });
  const direct = await opened(location);
  expect(await direct.db.selectFrom('activity').select('seq').execute()).toHaveLength(1);
});

test('a call that cannot even read says that the database is gone, and is no incident', async () => {
  const location = await newLocation('postgres');
  const { home, services } = await startFactory({ databaseUrl: location });
  const { token } = JSON.parse(await readFile(await enrol(services, 'developer'), 'utf8'));
  const link = await openLink(location);
  const seat = await seatHere({ home, databaseUrl: link.url, token });
  onTestFinished(() => seat.leave());
  expect(await seat.call('task_list', {})).toMatchObject({ ending: 'ok' });

  await link.close();

  for (const tool of ['task_list', 'task_checkout']) {
    const { says } = await seat.call(tool, {});
    expect(says).toMatch(/^UPSTREAM: The database server does not answer\./);
  }
});
