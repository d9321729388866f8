import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyRecord } from '../../servers/core/record.ts';
import { TOKEN } from '../core/target/cloudflare_stub.ts';
import { startCloud } from './cloud.ts';

const INFRA = `product: shop
target: cloudflare
workers:
  - name: shop
    crons: ['0 3 * * *']
    secrets: [STRIPE_KEY]
    domains: [{ host: shop.example.test, zone: example.test }]
d1: [shop, audit]
kv: [sessions]
r2: [files]
queues: [mail]
dns:
  - { zone: example.test, type: CNAME, name: www.example.test, content: shop.example.test, proxied: true }
`;

test('infra.yaml is planned, approved, applied, changed, and its data deleted only with a signature', async () => {
  const { infra, cto, stub, services, logged, home, want, approved, approve } = await startCloud();
  const { db } = services.store;
  await want(INFRA);
  const first = await infra.ok<{ risk: string; changes: { action: string }[] }>('infra_propose');
  expect(first.changes.map(({ action }) => action)).toEqual(Array(8).fill('create'));
  expect(first.risk).toContain('No release before a human sets: STRIPE_KEY');
  expect(stub.writes()).toEqual([]);

  const { plan } = await approved();
  const applied = await infra.ok<{ resources: object[]; addresses: string[] }>('infra_apply', { plan });
  expect(applied.resources).toHaveLength(6);
  expect(applied.addresses).toEqual(['domain shop.example.test', 'dns CNAME www.example.test']);
  const made = stub.writes();
  expect(await infra.ok('infra_apply', { plan })).toEqual(applied);
  expect(
    (await infra.ok<{ changes: { action: string }[] }>('infra_propose')).changes.map(({ action }) => action),
  ).toEqual(Array(8).fill('nothing'));
  expect(stub.writes()).toEqual(made);

  await want(
    INFRA.replace('content: shop.example.test', 'content: other.example.test').replace(
      'd1: [shop, audit]',
      'd1: [shop]',
    ),
  );
  const changed = await approved();
  expect(changed.changes.filter(({ action }) => action !== 'nothing')).toMatchObject([
    { action: 'change', kind: 'dns' },
    { action: 'delete', kind: 'd1', name: 'audit' },
  ]);
  expect((await infra.call('infra_apply', { plan: changed.plan })).text).toMatch(
    /^GATE_CLOSED: I-4 deletes d1 audit with the data in it, and C-1 is open\./,
  );
  expect(stub.state.d1.size).toBe(2);
  await approve(1);
  await infra.ok('infra_apply', { plan: changed.plan });
  expect([...stub.state.d1.keys()]).toEqual(['shop']);
  expect([...stub.state.dns.values()]).toMatchObject([{ content: 'other.example.test' }]);

  await want(INFRA.replace('d1: [shop, audit]', 'd1: [shop]').replace(/dns:\n.*\n$/, ''));
  const unnamed = await approved();
  await infra.ok('infra_apply', { plan: unnamed.plan });
  expect(stub.state.dns.size).toBe(0);

  const steps = await db
    .selectFrom('activity')
    .select(['event', 'subject'])
    .where('event', 'like', 'infra.%')
    .execute();
  expect(steps.filter(({ subject }) => subject === 'plan:2').map(({ event }) => event)).toEqual(
    Array(8).fill(['infra.intent', 'infra.outcome']).flat(),
  );
  expect(await verifyRecord(db)).toMatchObject({ ok: true });
  const listed = JSON.stringify(await cto.ok('infra_list'));
  expect(listed).toContain('CLOUDFLARE_API_TOKEN of the factory at cloudflare, 0 days old');
  const everything = JSON.stringify([await db.selectFrom('activity').selectAll().execute(), logged, listed]);
  expect(everything).not.toContain(TOKEN);
  expect(await readFile(join(home, 'store.sqlite'), 'latin1')).not.toContain(TOKEN);
});

test('what somebody else uses is left alone, and reality that changed stops a plan', async () => {
  const { infra, stub, services, want, approved, secret, logged } = await startCloud();
  await want(INFRA);
  stub.state.dns.set('r1', { type: 'CNAME', name: 'www.example.test', content: 'elsewhere.test' });
  expect((await infra.call('infra_propose')).text).toMatch(
    /^CONFLICT: The dns CNAME www\.example\.test exists and says something else/,
  );
  stub.state.dns.clear();
  const { plan } = await approved();
  stub.state.kv.set('sessions', 'made-by-somebody');
  expect((await infra.call('infra_apply', { plan })).text).toMatch(
    /^CONFLICT: The kv sessions is not as I-1 found it/,
  );
  expect(stub.writes()).toEqual([]);
  const next = await approved();
  expect(next.changes[2]).toMatchObject({ action: 'adopt', name: 'sessions' });
  await infra.ok('infra_apply', { plan: next.plan });
  expect(stub.state.kv.get('sessions')).toBe('made-by-somebody');

  await want(`${INFRA}colour: red\n`);
  expect((await infra.call('infra_propose')).text).toMatch(
    /^INVALID_INPUT: infra\.yaml is wrong in line 1, at the top: Unrecognized key: "colour"/,
  );
  expect((await infra.call('infra_propose', { commit: 'f'.repeat(40) })).text).toMatch(
    /^NOT_FOUND: There is no commit/,
  );
  expect((await infra.call('infra_propose', { product: 'shop' })).text).toMatch(/^INVALID_INPUT/);

  await want(INFRA);
  await secret({ name: 'CLOUDFLARE_API_TOKEN' }, 'a-token-without-rights');
  expect((await infra.call('infra_propose')).text).toMatch(
    /^UPSTREAM: Cloudflare does not let the factory's token do GET \/d1\/database/,
  );
  stub.fault({
    match: /GET \/d1/,
    status: 502,
    body: `<html>${'a-token-without-rights'} ${Buffer.from('a-token-without-rights').toString('base64')}</html>`,
    times: 3,
  });
  expect((await infra.call('infra_propose')).text).toMatch(
    /^UPSTREAM: Cloudflare's answer to GET \/d1\/database is an HTML page/,
  );
  expect(logged.join('\n')).toContain('[secret CLOUDFLARE_API_TOKEN]');
  expect(logged.join('\n')).not.toMatch(/a-token-without-rights|YS10b2tlbi13aXRob3V0/);
  await services.store.db.deleteFrom('secrets').execute();
  expect((await infra.call('infra_propose')).text).toMatch(
    /^GATE_CLOSED: The secrets CLOUDFLARE_API_TOKEN of the factory have no value/,
  );
});
