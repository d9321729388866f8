import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { applyFirstDefinition, readDefinition } from '../../servers/core/factory/create.ts';
import { readInfra } from '../../servers/core/infra_file.ts';
import { openServices } from '../../servers/core/open.ts';
import { openSecretKey } from '../../servers/core/secrets/key.ts';
import { setSecret } from '../../servers/core/secrets/secrets.ts';
import { keepSigned } from '../../servers/provision/by_human.ts';
import { wantedBy } from '../../servers/provision/make_plan.ts';
import { proposal } from '../../servers/provision/proposal.ts';
import { ACCOUNT, type CloudflareStub, startCloudflareStub, TOKEN } from '../core/target/cloudflare_stub.ts';

const WORKER = join(dirname(fileURLToPath(import.meta.url)), 'worker.ts');
const WORKER_MS = 60_000;
const INFRA = `product: shop
target: cloudflare
workers: [{ name: shop, secrets: [KEY], domains: [{ host: shop.example.test, zone: example.test }] }]
d1: [shop]
kv: [shop]
r2: [shop]
queues: [shop]
dns: [{ zone: example.test, type: CNAME, name: www.example.test, content: shop.example.test }]
`;

/** A factory whose plan for an empty account is approved. Returns its home and the plan. */
async function approvedPlan(stub: CloudflareStub): Promise<{ home: string; plan: number }> {
  const home = await mkdtemp(join(tmpdir(), 'millwright-ship-'));
  const services = await openServices(home, { log: () => {} });
  const files = await readDefinition('solo');
  const factory = parse(files['factory.yaml'] ?? '') as Record<string, unknown>;
  factory.targets = { cloudflare: { account: ACCOUNT, api: stub.url } };
  await applyFirstDefinition(services, { ...files, 'factory.yaml': stringify(factory) }, 'initial');
  const key = await openSecretKey(services.paths.keys);
  const target = 'cloudflare';
  await services.store.transaction(async (tx) => {
    await setSecret(tx, key, { product: '', target, name: 'CLOUDFLARE_API_TOKEN' }, TOKEN, 0);
    await setSecret(tx, key, { product: 'shop', target, name: 'KEY' }, 'canary-77ab', 0);
  });
  const made = await proposal(services, services.store.db, wantedBy(readInfra(INFRA)));
  const human = { name: 'ada', assurance: 'rehearsal' };
  const plan = await keepSigned(services, made, { human, signature: '' });
  await services.close();
  return { home, plan };
}

/** Runs the worker; kills it with SIGKILL when the far side has carried out its nth request. */
async function run(stub: CloudflareStub, { home, plan }: { home: string; plan: number }, killAt: number) {
  const before = stub.calls.length;
  const child = execa(process.execPath, [WORKER, home, String(plan)], {
    reject: false,
    timeout: WORKER_MS,
    stdin: 'ignore',
  });
  stub.onDone(async (request) => {
    if (request - before !== killAt) return;
    child.kill('SIGKILL');
    await child;
  });
  return child;
}

/** What an account holds, without ids and times. */
function shapeOf({ state }: CloudflareStub): string {
  const worker = state.workers.get('shop');
  return JSON.stringify({
    names: [state.d1, state.kv, state.r2, state.queues, state.workers, state.domains].map((all) => [
      ...all.keys(),
    ]),
    dns: [...state.dns.values()],
    versions: worker?.versions.map(({ tag, bindings }) => [
      tag,
      bindings.map(({ type, name }) => [type, name]),
    ]),
    deployments: worker?.deployments.length,
    migrations: state.d1.get('shop')?.db.prepare('SELECT name FROM d1_migrations').all(),
    schedules: worker?.schedules,
  });
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { every: { type: 'string', default: '4' } } });
  const every = Math.max(1, Number(values.every) || 1);
  const stub = await startCloudflareStub();
  const homes: string[] = [];
  const fresh = async () => {
    stub.reset();
    const made = await approvedPlan(stub);
    homes.push(made.home);
    stub.calls.length = 0;
    return made;
  };
  let faults = 0;
  try {
    const whole = await run(stub, await fresh(), Number.POSITIVE_INFINITY);
    if (whole.exitCode !== 0) throw new Error(`the worker fails by itself: ${whole.stderr}`);
    const [calls, writes, shape] = [stub.calls.length, stub.writes(), shapeOf(stub)];
    process.stdout.write(`${calls} calls to bring a product up; killed at every ${every}.\n`);
    for (let n = 1; n <= calls; n += every) {
      const factory = await fresh();
      const killed = await run(stub, factory, n);
      const next = await run(stub, factory, Number.POSITIVE_INFINITY);
      const same =
        shapeOf(stub) === shape && stub.writes().filter(makes).join() === writes.filter(makes).join();
      const ok = killed.signal === 'SIGKILL' && next.exitCode === 0 && same;
      if (!ok) faults += 1;
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} killed at call ${n}, ${stub.calls[n - 1]?.call}\n`);
    }
  } finally {
    await stub.close();
    for (const home of homes) await rm(home, { recursive: true, force: true });
  }
  process.stdout.write(
    faults === 0 ? 'The same end each time, and nothing made twice.\n' : `${faults} faults.\n`,
  );
  return faults === 0 ? 0 : 1;
}

/** A query may be asked twice; what makes something may not. */
const makes = (call: string) => !call.endsWith('/query');

process.exitCode = await main(process.argv.slice(2));
