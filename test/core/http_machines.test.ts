import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startBeats } from '../../servers/core/connection.ts';
import { serveHttp } from '../../servers/core/http.ts';
import { startFactory } from '../harness.ts';
import { databaseUrl } from '../postgres.ts';
import { newLocation, onPostgres } from '../store/stores.ts';
import { selfSigned } from './certificate.ts';
import { dial, heard, requestText } from './raw.ts';
import { send, serve } from './served.ts';

const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });

const BEAT_MS = 400;

test('while the database is away a good token gets 503, not 401, and works when it is back', async () => {
  const location = await newLocation('postgres');
  const { url, session } = await serve({ databaseUrl: location });
  const token = await session('ceo');
  const name = new URL(location).pathname.slice(1);
  const allow = (isAllowed: boolean) =>
    onPostgres(databaseUrl(location, 'postgres'), async (client) => {
      await client.query(`alter database ${name} allow_connections ${isAllowed}`);
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
    });
  const list = () => send(url, '/mcp', { token, body: LIST });
  expect((await list()).status).toBe(200);

  await allow(false);
  const away = await list();
  const opening = await send(url, '/session', { token });
  await allow(true);

  expect([away.status, Number(away.headers['retry-after'])]).toEqual([503, 2]);
  expect(opening.status).toBe(503);
  await expect.poll(async () => (await list()).status, { timeout: 5000 }).toBe(200);
});

test('however many servers beat for a session, it is written once a beat', async () => {
  const { services, agent } = await startFactory({
    servers: ['tasks'],
    realTime: true,
    change: (factory) =>
      Object.assign(factory, { lease: { ...(factory.lease as unknown as object), beat: BEAT_MS / 1000 } }),
  });
  await agent('ceo');
  const read = () => services.store.db.selectFrom('sessions').select(['id', 'beat_at']).executeTakeFirst();
  const { id = '' } = (await read()) ?? {};
  const servers = Array.from({ length: 6 }, () => startBeats(services, id));
  onTestFinished(() => Promise.all(servers.map((server) => server.leave())).then(() => {}));

  const written = new Set<number | undefined>();
  const since = performance.now();
  for (let look = 0; look < 80; look++) {
    written.add((await read())?.beat_at);
    await sleep(20);
  }

  expect(written.size).toBeGreaterThan(2);
  expect(written.size).toBeLessThanOrEqual(2 + (performance.now() - since) / (0.9 * BEAT_MS));
});

describe('an address that other machines reach', () => {
  test('is refused without TLS, and served with it or behind a proxy', async () => {
    for (const host of ['0.0.0.0', '::', '127.0.0.1.example', '10.0.0.1'])
      await expect(serve({ host })).rejects.toMatchObject({
        name: 'NoTls',
        message: expect.stringContaining(host),
      });
    const proxied = await serve({ host: '0.0.0.0', allowedHosts: ['0.0.0.0'], behindProxy: true });
    const token = await proxied.session('ceo');
    const url = proxied.url.replace('0.0.0.0', '127.0.0.1');

    expect((await send(url, '/mcp', { token, body: LIST })).status).toBe(200);
  });

  test('shows its certificate, a newer one once it is told to, and keeps the old one when the new one is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millwright-tls-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const write = async ({ cert, key }: { cert: string; key: string }) => {
      await writeFile(files.cert, cert);
      await writeFile(files.key, key);
    };
    const [first, second] = [selfSigned(), selfSigned()];
    await write(first);
    const { server, url } = await serve({ host: '0.0.0.0', tls: files });

    expect(url).toMatch(/^https:/);
    expect(await health(url, first.cert)).toBe(200);
    await write({ ...second, key: first.key });
    await expect(server.reload()).rejects.toMatchObject({ name: 'BadCertificate' });
    expect(await health(url, first.cert)).toBe(200);
    await write(second);
    await server.reload();
    await expect(health(url, first.cert)).rejects.toThrow();
    expect(await health(url, second.cert)).toBe(200);
    await expect(health(url, second.cert, 'TLSv1.1')).rejects.toThrow();
    await expect(serve({ tls: { ...files, key: join(folder, 'none') } })).rejects.toMatchObject({
      name: 'BadCertificate',
    });
  });
});

test('a server that ends leaves its sessions to the others on PostgreSQL, and ends them on a file', async () => {
  const open = async (databaseUrl?: string) => {
    const served = await serve(databaseUrl ? { databaseUrl } : {});
    const second = await serveHttp({ services: served.services, fleet: new Map() });
    const token = await served.session('ceo');
    await send(second.url, '/mcp', { token, body: LIST });
    await second.close();
    return (await send(served.url, '/mcp', { token, body: LIST })).status;
  };

  expect(await open(await newLocation('postgres'))).toBe(200);
  expect(await open()).toBe(401);
});

test('a server that ends finishes what runs, and turns away what comes over an open connection', async () => {
  const { url, server, session } = await serve();
  const token = await session('ceo');
  const request = (body: string) =>
    requestText(
      [
        ['Host', 'localhost'],
        ['Authorization', `Bearer ${token}`],
        ['Content-Type', 'application/json'],
        ['Accept', 'application/json, text/event-stream'],
        ['Content-Length', String(body.length)],
      ],
      body,
    );
  const waiting = { name: 'task_wait', arguments: { seconds: 1 } };
  const socket = await dial(url);
  const answers = heard(socket, 5000);

  socket.write(request(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: waiting })));
  await sleep(300);
  const ended = server.close();
  socket.write(request(LIST));

  expect((await answers).statuses).toEqual([200, 503]);
  await ended;
});

/** The status of GET /health, when the certificate is the one that is trusted. */
function health(url: string, ca: string, maxVersion?: 'TLSv1.1'): Promise<number | undefined> {
  const { port } = new URL(url);
  const version = maxVersion && { minVersion: maxVersion, maxVersion };
  return new Promise((resolve, reject) => {
    request({
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      path: '/health',
      ca,
      agent: false,
      ...version,
    })
      .once('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .once('error', reject)
      .end();
  });
}
