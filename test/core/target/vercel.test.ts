import { expect, test } from 'vitest';
import { bundleDigest } from '../../../servers/core/target/digest.ts';
import type { BundleFile, Target } from '../../../servers/core/target/target.ts';
import { versionOf } from './cloudflare_version.ts';
import { startVercelAccount } from './vercel_account.ts';

const PROJECT = { kind: 'worker', name: 'shop' } as const;
const whole = (version: string) => [{ version, percent: 100 }];
const textAt = async (url: string | undefined, path = '/') => (await fetch(`${url}${path}`)).text();

test('a project is found by name or made once, and nothing of what Vercel lacks is', async () => {
  const { stub, target } = await startVercelAccount();
  expect(target).toMatchObject({ name: 'vercel', splits: false, kinds: ['worker'] });
  const made = await target.ensure(PROJECT);
  expect(made).toMatchObject({ created: true, resource: { ...PROJECT, id: stub.state.projects[0]?.id } });
  expect(await target.ensure(PROJECT)).toEqual({ ...made, created: false });
  await target.ensure({ kind: 'worker', name: 'blog' });
  stub.state.page = 1;
  expect((await target.resources()).map(({ name }) => name)).toEqual(['blog', 'shop']);
  await expect(target.ensure({ kind: 'd1', name: 'shop' })).rejects.toMatchObject({
    rule: 'infra.kind',
    message: 'Vercel has no database.',
  });
  await target.remove(made.resource);
  await target.remove(made.resource);
  expect((await target.resources()).map(({ name }) => name)).toEqual(['blog']);
});

test('a version answers alone first, is promoted without a build, and is rolled back to by its id', async () => {
  const { stub, target } = await startVercelAccount();
  await target.ensure(PROJECT);
  for (const name of ['R1', 'R2']) {
    await target.upload(versionOf(name));
    expect(await target.migrate('shop', name)).toEqual([]);
    const before = (await target.serving('shop'))?.shares[0]?.version;
    expect(before).toBe(name === 'R1' ? undefined : 'R1');
    expect(await textAt(await target.previewUrl('shop', name))).toBe(name);
    const { url } = await target.split('shop', whole(name));
    expect(await textAt(url)).toBe(name);
    expect(await target.serving('shop')).toEqual({ shares: whole(name), url });
  }
  const asked = stub.calls.length;
  await target.split('shop', whole('R2'));
  expect(stub.calls.slice(asked).filter(({ call }) => !call.startsWith('GET'))).toEqual([]);
  const { url } = await target.split('shop', whole('R1'));
  expect(await textAt(url)).toBe('R1');
  expect(stub.writes().slice(-3)).toEqual([
    'POST /v13/deployments',
    'POST /v10/projects/prj/promote/dpl',
    'POST /v1/projects/prj/rollback/dpl',
  ]);
  expect(
    stub.calls.some(({ body }) => (body as { autoAssignCustomDomains?: boolean }).autoAssignCustomDomains),
  ).toBe(false);
  expect(await target.numbers('shop')).toBeNull();
  await target.retire('shop');
  await target.retire('shop');
  expect(await target.serving('shop')).toBeNull();
  expect(await textAt(url)).toBe('Nothing is released.');
  await target.split('shop', whole('R2'));
  expect(await textAt(url)).toBe('R2');
});

test('two shares are refused with a sentence, and so is a version that nobody uploaded', async () => {
  const { stub, target } = await startVercelAccount();
  await target.ensure(PROJECT);
  const shares = [
    { version: 'R1', percent: 90 },
    { version: 'R2', percent: 10 },
  ];
  const asked = stub.calls.length;
  await expect(target.split('shop', shares)).rejects.toMatchObject({
    rule: 'target.whole',
    message: "Vercel gives all traffic of shop to one version; it can't be split.",
  });
  await expect(target.split('shop', whole('R1'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(target.previewUrl('shop', 'R1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(target.migrate('shop', 'R1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(target.upload(versionOf('R1', { name: 'other' }))).rejects.toMatchObject({
    rule: 'infra.missing',
  });
  expect(stub.calls.slice(asked).map(({ call }) => call)).toEqual(['GET /v9/projects/other']);
});

test('a Worker gets its request, exactly its variables and secrets, and its version keeps the values it had', async () => {
  const { stub, target } = await startVercelAccount();
  await target.ensure(PROJECT);
  const text = `export default {
    async fetch(request, env, ctx) {
      ctx.waitUntil(Promise.resolve());
      const body = { method: request.method, url: new URL(request.url).pathname, text: await request.text(), env };
      return new Response(JSON.stringify(body), { status: 201, headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2']] });
    },
  };\n`;
  const files = [{ path: 'index.js', bytes: Buffer.from(text) }];
  const config = { secrets: ['KEY'], vars: { PLACE: 'here' } };
  await target.upload(versionOf('R1', config, { files, secrets: { KEY: 'one-5c7a' } }));
  await target.upload(versionOf('R2', config, { files, secrets: { KEY: 'two-5c7a' } }));
  for (const [name, value] of [
    ['R1', 'one-5c7a'],
    ['R2', 'two-5c7a'],
  ] as const) {
    const answer = await fetch(`${await target.previewUrl('shop', name)}/a?b`, {
      method: 'POST',
      body: 'hello',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const env = { PLACE: 'here', KEY: value };
    expect(await answer.json()).toEqual({ method: 'POST', url: '/a', text: 'hello', env });
  }
  const deployment = stub.calls.filter(({ call }) => call === 'POST /v13/deployments').at(-1);
  expect(JSON.stringify(deployment?.body)).not.toContain('5c7a');
  const [env] = stub.calls.filter(({ call }) => call.endsWith('/env'));
  expect(env?.body).toEqual([
    { key: 'KEY', value: 'one-5c7a', type: 'sensitive', target: ['production', 'preview'] },
  ]);
});

test('a site of files alone answers with them, its pages without .html, and its page for what is missing', async () => {
  const { target } = await startVercelAccount();
  await target.ensure(PROJECT);
  const file = (path: string, text: string): BundleFile => ({ path, bytes: Buffer.from(text) });
  const files = [
    file('assets_only.js', "export default { fetch: () => new Response('Not found', { status: 404 }) };"),
    file('assets/index.html', 'front'),
    file('assets/about.html', 'about'),
    file('assets/404.html', 'missing'),
  ];
  const site = { main: 'assets_only.js', assets: { notFound: '404-page', runWorkerFirst: false } } as const;
  await target.upload(versionOf('R1', site, { files }));
  const url = await target.previewUrl('shop', 'R1');
  for (const [path, text] of [
    ['/', 'front'],
    ['/about', 'about'],
    ['/none', 'missing'],
  ] as const)
    expect(await textAt(url, path)).toBe(text);
});

const refusals: [string, Parameters<typeof versionOf>[1], RegExp][] = [
  ['a database', { d1: [{ binding: 'DB', database: 'shop' }] }, /asks for the database shop, which Vercel/],
  ['a cron', { crons: ['0 3 * * *'] }, /the cron trigger "0 3 \* \* \*"/],
  ['an object', { durableObjects: [{ binding: 'O', className: 'Room', sqlite: true }] }, /Object Room/],
  [
    'an assets binding',
    { assets: { binding: 'A', notFound: 'none', runWorkerFirst: false } },
    /serves the assets/,
  ],
];
test('what Vercel does not have is refused before anything is sent', async () => {
  const { stub, target } = await startVercelAccount();
  await target.ensure(PROJECT);
  const asked = stub.calls.length;
  for (const [, config, message] of refusals)
    await expect(target.upload(versionOf('R1', config))).rejects.toMatchObject({
      rule: 'vercel.worker',
      message: expect.stringMatching(message),
    });
  const files = [{ path: 'index.js', bytes: Buffer.from("import { env } from 'cloudflare:workers';\n") }];
  await expect(target.upload(versionOf('R1', {}, { files, bundle: bundleDigest(files) }))).rejects.toThrow(
    /the module cloudflare:workers/,
  );
  const ruled = [
    { path: 'index.js', bytes: Buffer.from('export default {};') },
    { path: 'assets/_headers', bytes: Buffer.from('/*\n  X-Frame-Options: DENY\n') },
  ];
  await expect(
    target.upload(versionOf('R1', {}, { files: ruled, bundle: bundleDigest(ruled) })),
  ).rejects.toThrow(/the rules of _headers/);
  await expect(target.upload(versionOf('R1', { secrets: ['KEY'] }))).rejects.toMatchObject({
    rule: 'release.secret',
  });
  expect(stub.calls).toHaveLength(asked);
});

test('a project with a login, one that hands out traffic by itself, and a promotion that fails are refused', async () => {
  const { stub, target } = await startVercelAccount();
  await target.ensure(PROJECT);
  const [project] = stub.state.projects;
  if (!project) throw new Error('no project');
  project.ssoProtection = { deploymentType: 'all_except_custom_domains' };
  await expect(target.upload(versionOf('R1'))).rejects.toMatchObject({ rule: 'vercel.protected' });
  project.ssoProtection = null;
  await released(target, 'R1');
  stub.state.assigns = true;
  await expect(target.upload(versionOf('R2'))).rejects.toMatchObject({ rule: 'vercel.staged' });
  expect((await target.serving('shop'))?.shares).toEqual(whole('R1'));
  stub.state.assigns = false;
  await target.upload(versionOf('R3'));
  stub.state.promotions = 'failed';
  await expect(target.split('shop', whole('R3'))).rejects.toMatchObject({
    rule: 'vercel.promote',
    message: 'Vercel was asked to give the traffic of shop to a version and says that it failed.',
  });
  expect((await target.serving('shop'))?.shares).toEqual(whole('R1'));
});

async function released(target: Target, version: string) {
  await target.upload(versionOf(version));
  await target.split('shop', whole(version));
}
