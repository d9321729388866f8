import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { applyFirstDefinition, readDefinition } from '../../../servers/core/factory/create.ts';
import { openServices } from '../../../servers/core/open.ts';
import { newLocation } from '../../store/stores.ts';

test('the local target belongs to the first machine; another one neither uses it nor takes its jobs', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millwright-machine-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const databaseUrl = await newLocation('postgres');
  const runner = async () => ({ result: {} });
  const open = async () => {
    const services = await openServices(home, {
      databaseUrl,
      jobs: { 'release.cut': runner, 'gate.run': runner },
      log: () => {},
    });
    onTestFinished(() => services.close());
    return services;
  };
  const first = await open();
  await applyFirstDefinition(first, await readDefinition('c-suite'), 'initial');
  await first.close();
  const file = join(home, 'targets', 'local.machine');
  expect(await readFile(file, 'utf8')).toBe(hostname());

  await writeFile(file, 'elsewhere');
  const other = await open();
  const [release, gate] = await other.store.transaction(async (tx) => [
    await other.jobs.enqueue(tx, 'release.cut', {}, 's', 1),
    await other.jobs.enqueue(tx, 'gate.run', {}, 's', 1),
  ]);
  other.jobs.kick();

  await expect(other.target('local')).rejects.toMatchObject({
    rule: 'target.elsewhere',
    message: expect.stringContaining('the machine elsewhere'),
  });
  expect(await other.jobs.wait(gate ?? 0, 10_000)).toMatchObject({ ok: true });
  const { state } = await other.store.db
    .selectFrom('jobs')
    .select('state')
    .where('id', '=', release ?? 0)
    .executeTakeFirstOrThrow();
  expect(state).toBe('queued');
});
