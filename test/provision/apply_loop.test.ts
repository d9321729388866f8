import { expect, test } from 'vitest';
import { readInfra } from '../../servers/core/infra_file.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import type { Tx } from '../../servers/core/store/store.ts';
import type { Target } from '../../servers/core/target/target.ts';
import { applyPlan, type Step } from '../../servers/provision/apply.ts';
import { makePlan, realityFor, wantedBy } from '../../servers/provision/make_plan.ts';
import { type PlanBody, planDigest, readProgress } from '../../servers/provision/plan.ts';
import { findPlan, insertPlan } from '../../servers/provision/queries.ts';
import { startAccount, type TestAccount } from '../core/target/cloudflare_account.ts';

const WANTED = wantedBy(
  readInfra(`product: shop
target: cloudflare
workers: [{ name: shop, domains: [{ host: shop.example.test, zone: example.test }] }]
d1: [shop]
kv: [shop]
r2: [shop]
queues: [shop]
dns: [{ zone: example.test, type: CNAME, name: www.example.test, content: shop.example.test }]
`),
);
const NO_LIMIT = { take: async () => 0, pauseUntil: async () => {} };

/** Stops a process where it stands: before or after its nth write to the store. */
class Killed extends Error {}

interface Setting {
  account: TestAccount;
  target(): Target;
  fresh(): Promise<{ apply(killAt?: number, after?: boolean): Promise<void>; ids(): Promise<unknown> }>;
}

async function setting(before: (target: Target) => Promise<unknown>, ours: boolean): Promise<Setting> {
  const account = await startAccount();
  const { store, stub, again } = account;
  const target = () => again({ budget: NO_LIMIT });
  const planned = async (): Promise<PlanBody> => {
    const reality = await realityFor(target(), WANTED.addresses);
    const ids = new Set(ours ? [...reality.resources, ...reality.addresses].map(({ id }) => id) : []);
    return makePlan(WANTED, reality, { ids, addresses: [] }, [], target().addresses);
  };
  return {
    account,
    target,
    async fresh() {
      stub.reset();
      await before(target());
      const plan = await planned();
      stub.calls.length = 0;
      const row = {
        product: 'shop',
        target: 'cloudflare',
        body: JSON.stringify(plan),
        digest: planDigest(plan),
      };
      const { id } = await store.transaction((tx) =>
        insertPlan(tx, { ...row, task: null, pipeline: null, agent: 'infra', root: 'r', created_at: 0 }),
      );
      await store.db.updateTable('plans').set({ state: 'approved' }).where('id', '=', id).execute();
      const read = async () => (await findPlan(store.db, id)) as Row<'plans'>;
      return {
        async apply(killAt = Number.POSITIVE_INFINITY, after = false) {
          let writes = 0;
          const keep = async (work: (tx: Tx) => Promise<unknown>, _step: Step | null) => {
            writes += 1;
            if (writes === killAt && !after) throw new Killed();
            await store.transaction(work);
            if (writes === killAt && after) throw new Killed();
          };
          await applyPlan(await read(), target(), keep);
        },
        ids: async () => ({ ...readProgress((await read()).result), state: (await read()).state }),
      };
    },
  };
}

/** Each number of the map replaced by its name: what a run left, whatever the ids. */
const shape = (value: unknown) => JSON.stringify(value).replace(/"(?:[0-9a-f]{32}|[0-9a-f-]{36})"/g, '"id"');

test('apply dies at any call or at any write to the store; the next run ends the same and makes nothing twice', async () => {
  const at = await setting(async () => {}, false);
  const { stub } = at.account;
  const whole = await at.fresh();
  await whole.apply();
  const calls = stub.calls.length;
  const writes = stub.writes();
  const end = shape(await whole.ids());
  expect(writes).toHaveLength(7);
  for (let n = 1; n <= calls; n += 1) {
    const run = await at.fresh();
    stub.dieAfter(n);
    await run.apply().catch(({ code }) => expect(code).toBe('UPSTREAM'));
    stub.heal();
    await run.apply();
    expect(shape(await run.ids()), `call ${n}`).toBe(end);
    expect(stub.writes(), `call ${n}`).toEqual(writes);
  }
  for (let n = 1; n <= 2 * writes.length; n += 3) {
    for (const after of [false, true]) {
      const run = await at.fresh();
      await expect(run.apply(n, after)).rejects.toThrow(Killed);
      await run.apply();
      expect(shape(await run.ids()), `write ${n}`).toBe(end);
      expect(stub.writes(), `write ${n}`).toEqual(writes);
    }
  }
});

test('so it is with a plan that changes and deletes', async () => {
  const at = await setting(async (target) => {
    await target.ensure({ kind: 'd1', name: 'gone' });
    await target.ensure({ kind: 'kv', name: 'gone' });
    const dns = { zone: 'example.test', content: 'old.example.test', proxied: 'false' };
    await target.addresses?.set({ kind: 'dns', name: 'CNAME www.example.test', settings: dns }, null);
  }, true);
  const { stub } = at.account;
  const whole = await at.fresh();
  await whole.apply();
  const writes = stub.writes().map((call) => call.replace(/[0-9a-f-]{32,}/, 'ID'));
  expect(writes).toContain('DELETE /d1/database/ID');
  const calls = stub.calls.length;
  for (let n = 1; n <= calls; n += 2) {
    const run = await at.fresh();
    stub.dieAfter(n);
    await run.apply().catch(({ code }) => expect(code).toBe('UPSTREAM'));
    stub.heal();
    await run.apply();
    expect([...stub.state.d1.keys()]).toEqual(['shop']);
    expect([...stub.state.kv.keys()]).toEqual(['shop']);
    expect([...stub.state.dns.values()]).toMatchObject([{ content: 'shop.example.test' }]);
    expect(stub.writes().filter((call) => call.startsWith('POST'))).toHaveLength(
      writes.filter((call) => call.startsWith('POST')).length,
    );
  }
});
