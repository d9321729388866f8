import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Listed, listFolder } from '../../servers/core/census.ts';
import { announceDaemon, findDaemons } from '../../servers/core/daemon.ts';
import { joinDaemon } from '../../servers/core/daemon_client.ts';
import { isDaemonUrl } from '../../servers/core/enrolment.ts';
import { serveHttp } from '../../servers/core/http.ts';
import { hashToken } from '../../servers/core/identity.ts';
import { identify } from '../../servers/core/target/local/processes.ts';
import { selfSigned } from './certificate.ts';
import { send, serve } from './served.ts';

const NONCE = 'a'.repeat(32);

/** A program on a port of its own, and everything that was sent to it. */
async function stranger(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Writes an entry as a daemon would; what is not given is true of this process. */
async function listDaemon(home: string, name: string, given: Partial<Listed>): Promise<string> {
  const self = await identify(process.pid);
  const entry = { kind: 'daemon', ...self, machine: hostname(), since: 1, version: '0.1.0', ...given };
  await mkdir(listFolder(home), { recursive: true, mode: 0o700 });
  const file = join(listFolder(home), `${name}.json`);
  await writeFile(file, JSON.stringify(entry), { mode: 0o600 });
  return file;
}

test('a daemon is found while it is announced, over loopback when it listens everywhere', async () => {
  const { services } = await serve();
  const { home } = services.paths;

  const withdraw = await announceDaemon(home, 'http://0.0.0.0:8930');
  expect(await findDaemons(home)).toEqual(['http://127.0.0.1:8930']);
  await withdraw();
  expect(await findDaemons(home)).toEqual([]);
});

test('what a dead daemon left is not used and removed; what is not ours, or of another machine, is let alone', async () => {
  const { services } = await serve();
  const { home } = services.paths;
  const url = 'http://127.0.0.1:8930';
  await listDaemon(home, 'dead', { url, pid: 2 ** 22 + 1 });
  await listDaemon(home, 'reused', { url, start: 'another-start' });
  await listDaemon(home, 'elsewhere', { url, machine: 'another-machine' });
  await chmod(await listDaemon(home, 'open', { url }), 0o644);
  await writeFile(join(listFolder(home), 'nonsense.json'), '{', { mode: 0o600 });
  await listDaemon(home, 'odd', { url: 'no url' });

  expect(await findDaemons(home)).toEqual([]);
  expect((await readdir(listFolder(home))).sort()).toEqual([
    'elsewhere.json',
    'nonsense.json',
    'odd.json',
    'open.json',
  ]);
});

test('a daemon joined gives a session, and ends it', async () => {
  const { url, services, enrol } = await serve();
  const { token } = await enrol('developer');
  const session = await joinDaemon({ url, prove: true, token, root: 'terminal-1' });
  const row = () => services.store.db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow();
  expect(await row()).toMatchObject({
    id: session.id,
    root: expect.stringMatching(/^host:/),
    ended_at: null,
  });

  const again = await joinDaemon({ url, prove: true, token, resume: session.token });
  expect([again.id, again.resumed]).toEqual([session.id, true]);
  session.drop();
  await again.close();

  expect((await row()).ended_at).not.toBeNull();
});

test('a program that is no daemon of this factory gets no token, whatever it answers', async () => {
  const { url, enrol } = await serve();
  const other = await serve();
  const { token } = await enrol('developer');
  const reply = (response: ServerResponse, body: string) =>
    response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) }).end(body);
  const relaying = (request: IncomingMessage, response: ServerResponse) =>
    void send(url, request.url ?? '', { method: 'GET' }).then(({ text }) => reply(response, text));
  const strangers = await Promise.all([
    stranger((_, response) => reply(response, '{"ok":true}')),
    stranger((_, response) => reply(response, `{"ok":true,"proof":"${'0'.repeat(64)}"}`)),
    stranger((_, response) => response.writeHead(200).end('x'.repeat(100_000))),
    stranger((_, response) => response.socket?.destroy()),
    stranger(relaying),
  ]);

  for (const { url: at, heard } of strangers) {
    await expect(joinDaemon({ url: at, prove: true, token })).rejects.toMatchObject({ name: 'NotDone' });
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.join('\n')).not.toMatch(/mw_|authorization/i);
  }
  await expect(joinDaemon({ url: other.url, prove: true, token })).rejects.toMatchObject({ name: 'NotDone' });
});

test('a proof is given for an enrolment of this factory and a nonce of the right form only', async () => {
  const { url, enrol } = await serve();
  const hash = hashToken((await enrol('developer')).token);
  const health = async (query: string) => (await send(url, `/health${query}`, { method: 'GET' })).text;

  expect(await health(`?nonce=${NONCE}&enrolment=${hash.slice(0, 16)}`)).toMatch(/"proof":"[0-9a-f]{64}"/);
  for (const query of [
    '',
    `?nonce=${NONCE}`,
    `?nonce=${NONCE}&enrolment=${'0'.repeat(16)}`,
    `?nonce=${NONCE}&enrolment=${hash.slice(0, 8)}`,
    `?nonce=short&enrolment=${hash.slice(0, 16)}`,
    `?nonce=${NONCE}&enrolment=%25`,
  ])
    expect([query, await health(query)]).toEqual([query, '{"ok":true}']);
});

test('over TLS the certificate is the proof, or on the own machine the proof is', async () => {
  const { services, enrol } = await serve();
  const { token } = await enrol('developer');
  const files = { cert: join(services.paths.home, 'cert.pem'), key: join(services.paths.home, 'key.pem') };
  const made = selfSigned();
  await writeFile(files.cert, made.cert);
  await writeFile(files.key, made.key);
  const server = await serveHttp({ services, fleet: new Map(), tls: files });
  onTestFinished(() => server.close());
  const url = server.url.replace('127.0.0.1', 'localhost');

  await expect(joinDaemon({ url, prove: false, token })).rejects.toMatchObject({ name: 'NotDone' });
  const trusted = await joinDaemon({ url, ca: made.cert, prove: false, token });
  const proved = await joinDaemon({ url: server.url, prove: true, token, resume: trusted.token });

  expect(proved.id).toBe(trusted.id);
  await Promise.all([trusted.close(), proved.close()]);
});

test('tokens go over HTTPS, or over HTTP to this machine', () => {
  for (const url of [
    'https://mill.example.com',
    'https://10.0.0.1:8930',
    'http://127.0.0.1:1',
    'http://[::1]:1',
  ])
    expect([url, isDaemonUrl(url)]).toEqual([url, true]);
  for (const url of [
    'http://mill.example.com',
    'http://127.0.0.1.nip.io',
    'https://a:b@mill.example.com',
    'https://mill.example.com/mcp',
    'https://mill.example.com?x=1',
    'ftp://localhost',
    'unix:/run/mill',
    '',
  ])
    expect([url, isDaemonUrl(url)]).toEqual([url, false]);
});
