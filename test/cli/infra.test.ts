import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ACCOUNT, startCloudflareStub, TOKEN } from '../core/target/cloudflare_stub.ts';
import { buildOnce, type Desk, openRehearsed, PASSPHRASE, withStore } from './command.ts';

beforeAll(buildOnce, 120_000);

const CANARY = 'canary-0f9d2c "quoted" Ünïcode';
const SPELLED = [
  CANARY,
  Buffer.from(CANARY).toString('base64').slice(0, 24),
  Buffer.from(CANARY).toString('hex'),
];
const INFRA = `product: shop
target: cloudflare
workers: [{ name: shop, secrets: [STRIPE_KEY] }]
d1: [shop]
`;

/** A desk whose factory has an account at the stub, by a definition that its human signed. */
async function openCloudDesk() {
  const stub = await startCloudflareStub();
  onTestFinished(() => stub.close());
  const desk = await openRehearsed();
  const file = join(desk.home, 'shop', 'factory.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, `${text}\ntargets:\n  cloudflare: { account: ${ACCOUNT}, api: "${stub.url}" }\n`);
  const applied = await desk.run(['factory', 'apply'], { input: PASSPHRASE });
  if (applied.exit !== 0) throw new Error(applied.stdout);
  return { desk, stub };
}

async function everythingOf(desk: Desk): Promise<string> {
  const store = await readFile(join(desk.home, 'shop', 'store.sqlite'), 'latin1');
  const wal = await readFile(join(desk.home, 'shop', 'store.sqlite-wal'), 'latin1').catch(() => '');
  return store + wal;
}

test('secrets come from a file, a program or a person, and no output, record or store shows one', async () => {
  const { desk, stub } = await openCloudDesk();
  const said: string[] = [];
  const run = async (args: string[], more = {}) => {
    const ran = await desk.run(args, more);
    said.push(ran.stdout, ran.stderr);
    return ran;
  };
  const file = join(desk.folder, 'value');
  await writeFile(file, `${CANARY}\n`);
  expect(
    (await run(['secret', 'set', 'STRIPE_KEY', '--product', 'shop', '--file', file])).json,
  ).toMatchObject({
    ok: true,
    secrets: [{ target: 'local' }, { target: 'cloudflare' }],
  });
  const token = join(desk.folder, 'token.mjs');
  await writeFile(token, `console.log(${JSON.stringify(TOKEN)})`);
  const atCloudflare = ['CLOUDFLARE_API_TOKEN', '--target', 'cloudflare'];
  await run(['secret', 'set', ...atCloudflare, '--command', process.execPath, token]);
  expect((await run(['secret', 'list'])).json).toMatchObject({
    secrets: [
      { name: 'CLOUDFLARE_API_TOKEN', product: '', target: 'cloudflare', rotating: false },
      { name: 'STRIPE_KEY', product: 'shop', target: 'cloudflare' },
      { name: 'STRIPE_KEY', product: 'shop', target: 'local' },
    ],
  });
  await writeFile(file, `${CANARY} the second`);
  await run(['secret', 'rotate', 'STRIPE_KEY', '--product', 'shop', '--target', 'local', '--file', file]);
  const names = ['STRIPE_KEY', 'STRIPE_KEY_PREVIOUS'];
  const both = await withStore(desk, ({ secrets }) => secrets({ product: 'shop', target: 'local', names }));
  expect(both).toEqual({ STRIPE_KEY: `${CANARY} the second`, STRIPE_KEY_PREVIOUS: CANARY });
  await run(['secret', 'rotate', 'STRIPE_KEY', '--product', 'shop', '--target', 'local', '--end']);
  await run(['secret', 'remove', 'STRIPE_KEY', '--product', 'shop', '--target', 'local']);
  await expect(
    withStore(desk, ({ secrets }) => secrets({ product: 'shop', target: 'local', names })),
  ).rejects.toMatchObject({ rule: 'release.secret', message: expect.stringContaining('STRIPE_KEY') });

  const key = await stat(join(desk.home, 'shop', 'keys', 'secrets.key'));
  expect(key.mode & 0o777).toBe(0o600);
  const refusals = [
    { args: ['set', 'A-B', '--file', file], code: 'USAGE' },
    { args: ['set', 'KEY', '--target', 'moon', '--file', file], code: 'USAGE' },
    { args: ['set', 'KEY'], code: 'NO_TERMINAL' },
    { args: ['set', 'KEY', '--command', 'true'], code: 'SECRET_SIZE' },
    { args: ['set', 'KEY', '--command', 'cat', file, join(desk.folder, 'absent')], code: 'NO_VALUE' },
    { args: ['rotate', 'KEY', '--file', file], code: 'NO_SECRET' },
    { args: ['remove', 'KEY'], code: 'NO_SECRET' },
  ];
  for (const { args, code } of refusals)
    expect((await desk.run(['secret', ...args])).json.error, args.join(' ')).toMatchObject({ code });

  await writeFile(join(desk.folder, 'infra.yaml'), INFRA);
  const from = ['--file', join(desk.folder, 'infra.yaml')];
  expect((await run(['infra', 'plan', ...from])).json).toMatchObject({
    changes: [
      { action: 'create', kind: 'd1' },
      { action: 'create', kind: 'worker' },
    ],
    risk: expect.not.stringContaining('STRIPE_KEY'),
  });
  expect((await run(['infra', 'apply', ...from], { input: 'wrong' })).exit).not.toBe(0);
  expect(stub.writes()).toEqual([]);
  stub.dieAfter(14);
  expect((await run(['infra', 'apply', ...from], { input: PASSPHRASE })).json.error).toMatchObject({
    code: 'UPSTREAM',
  });
  stub.heal();
  expect((await run(['infra', 'apply', ...from])).json).toMatchObject({ applied: true, plan: 'I-1' });
  expect(stub.writes()).toEqual(['POST /d1/database', 'PUT /workers/scripts/shop']);
  expect((await run(['infra', 'apply', ...from])).json).toMatchObject({ applied: false });
  expect((await run(['infra', 'drift'])).json).toMatchObject({ ok: true, plans: 1, drift: [] });
  stub.state.d1.clear();
  expect(await run(['infra', 'drift'])).toMatchObject({
    exit: 1,
    json: { drift: [{ product: 'shop', kind: 'd1', what: 'is gone' }], error: { code: 'DRIFT' } },
  });

  const seen = said.join('\n') + (await everythingOf(desk));
  for (const spelling of [...SPELLED, TOKEN]) expect(seen).not.toContain(spelling);
}, 60_000);
