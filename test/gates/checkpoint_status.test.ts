import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { worker } from './site.ts';

const servers = ['tasks', 'gates'];
type Status = { checkpoints: { checkpoint: string; state: string; decided_by: string | null }[] };

test('shows what is open for the held task, by whom it was asked, and that silence means no', async () => {
  const factory = await startFactory({
    servers,
    change: (definition) => void Object.assign(definition, { checkpoints: { hours: 1 } }),
  });
  const ceo = await worker(factory, 'ceo');
  await ceo.ok('artifact_put', { name: 'brief', body: 'Build it' });
  await ceo.ok('checkpoint_request', { name: 'opportunity-brief', title: 'Build it?', artifact: 'A-1' });

  const open = await ceo.ok<Status>('checkpoint_status');
  factory.clock.advance(3_600_000);
  const later = await ceo.ok<Status>('checkpoint_status', { checkpoint: 'C-1' });

  expect(open.checkpoints).toMatchObject([
    { checkpoint: 'C-1', state: 'open', artifact: 'A-1', requested_by: 'ceo', decided_by: null },
  ]);
  expect(later.checkpoints).toMatchObject([{ checkpoint: 'C-1', state: 'expired' }]);
  expect((await ceo.call('checkpoint_status', { checkpoint: 'C-2' })).text).toMatch(/^NOT_FOUND/);
});
