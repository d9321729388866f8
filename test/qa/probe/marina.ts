import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { readSources } from '../../../servers/qa/probe/source/read.ts';
import type { ProbeReport } from '../../../servers/qa/probe/types.ts';
import { startCommand } from '../../../servers/qa/product/command.ts';

const USERS = ['ines', 'odo'].map((name) => ({
  name,
  headers: { authorization: `Bearer ${name}-key` },
}));

/** The first of a pair where a fault is planted, the second in the sound twin. */
type Choose = (flawed: string, sound: string) => string;

/**
 * A harbour's API on plain node:http without any schema: passes that are shown to their holder and taken once, a gate
 * with a PIN of six digits, a preview of an address in the query, logbooks by UUID, and a profile.
 */
export const marina = (choose: Choose): string => `
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
const passes = [
  { pass: 'BX-48213', holder: 'ines', used: false }, { pass: 'BX-77120', holder: 'ines', used: false },
  { pass: 'BX-10934', holder: 'odo', used: false }, { pass: 'BX-55501', holder: 'odo', used: false },
];
const books = { '6f1d2c3b-0a4e-4c5d-9b7f-1a2b3c4d5e6f': { holder: 'ines', text: 'a leak aft' }, '0b7e6a55-3c21-4f8d-8e90-5d4c3b2a1f00': { holder: 'odo', text: 'new sails' } };
const bookings = [{ id: 71, holder: 'ines', nights: 2, cancelled: false }, { id: 84, holder: 'odo', nights: 3, cancelled: false }];
const crew = [{ name: 'ines', role: 'deckhand' }, { name: 'odo', role: 'deckhand' }];
const purses = { ines: 90, odo: 90 };
const people = { ines: { name: 'ines', berth: 4, credits: 5 }, odo: { name: 'odo', berth: 9, credits: 5 } };
let guesses = 0;
const json = (res, status, value) => res.writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' }).end(JSON.stringify(value));
async function receive(req) {
  let text = '';
  for await (const part of req) { text += part; if (text.length > 20000) return undefined; }
  try { const value = JSON.parse(text); return typeof value === 'object' && value ? value : undefined; } catch { return undefined; }
}
const PASS = /^BX-\\d{5}$/;
http.createServer(async (req, res) => {
  const url = new URL(req.url.replace(/^\\/+/, '/'), 'http://x');
  const me = /^Bearer (\\w+)-key$/.exec(req.headers.authorization ?? '')?.[1];
  const at = req.method + ' ' + url.pathname;
  if (at === 'POST /gate') {
    const body = await receive(req);
    if (typeof body?.pin !== 'string' || !/^\\d{6}$/.test(body.pin)) return json(res, 400, { error: 'pin must be six digits' });
    guesses += 1;
    ${choose('', "if (guesses > 10) return json(res, 429, { error: 'later' });")}
    return json(res, 401, { error: 'wrong' });
  }
  if (at === 'GET /preview') {
    const from = url.searchParams.get('from');
    if (!from) return json(res, 400, { error: 'from is required, a web address' });
    ${choose('', "if (!/^https:\\/\\/charts\\.example\\//.test(from)) return json(res, 400, { error: 'not from there' });")}
    const text = await fetch(from, { signal: AbortSignal.timeout(800) }).then((answer) => answer.text(), () => '');
    return json(res, 200, { size: text.length });
  }
  if (!people[me]) return json(res, 401, { error: 'who are you' });
  if (at === 'GET /passes') return json(res, 200, { passes: passes.filter(({ holder }) => holder === me) });
  if (at === 'POST /board') {
    const body = await receive(req);
    if (typeof body?.pass !== 'string' || !PASS.test(body.pass)) return json(res, 400, { error: 'pass must look like BX-00000' });
    const found = passes.find((one) => one.pass === body.pass && one.holder === me);
    if (!found) return json(res, 404, { error: 'no such pass' });
    ${choose("if (found.used) return json(res, 409, { error: 'taken' }); await sleep(30); found.used = true;", "if (found.used) return json(res, 409, { error: 'taken' }); found.used = true;")}
    return json(res, 200, { boarded: true });
  }
  if (at === 'GET /logbooks') return json(res, 200, Object.keys(books).filter((id) => books[id].holder === me).map((id) => ({ id })));
  const book = /^\\/logbooks\\/([0-9a-f-]{36})$/.exec(url.pathname);
  if (book && req.method === 'GET') {
    const found = books[book[1]];
    if (!found${choose('', ' || found.holder !== me')}) return json(res, 404, { error: 'none' });
    return json(res, 200, { id: book[1], ...found });
  }
  if (at === 'GET /bookings') return json(res, 200, bookings.filter(({ holder }) => holder === me));
  if (at === 'POST /bookings/cancel') {
    const body = await receive(req);
    const found = bookings.find(({ id }) => id === body?.booking_id);
    if (!found${choose('', ' || found.holder !== me')}) return json(res, 404, { error: 'booking_id: a number of yours' });
    found.cancelled = true;
    return json(res, 200, { ok: true });
  }
  if (at === 'GET /crew') return json(res, 200, crew);
  const mate = /^\\/crew\\/([a-z]+)\\/role$/.exec(url.pathname);
  if (mate && req.method === 'PUT') {
    const body = await receive(req);
    const found = crew.find(({ name }) => name === mate[1]);
    if (!['deckhand', 'admin'].includes(body?.role)) return json(res, 400, { error: 'role: deckhand or admin' });
    if (!found) return json(res, 404, { error: 'no such mate' });
    ${choose('', "if (crew.find(({ name }) => name === me)?.role !== 'admin') return json(res, 403, { error: 'not yours' });")}
    found.role = body.role;
    return json(res, 200, found);
  }
  if (at === 'GET /purse') return json(res, 200, { balance: purses[me] });
  if (at === 'POST /purse/send') {
    const body = await receive(req);
    if (!Object.hasOwn(purses, String(typeof body?.to === 'string' ? body.to : '')) || body.to === me) return json(res, 400, { error: 'to: another mate' });
    if (!Number.isInteger(body.amount) || body.amount < 1) return json(res, 400, { error: 'amount: 1 to 1000' });
    if (purses[me] < body.amount) return json(res, 409, { error: 'not enough' });
    ${choose('const left = purses[me] - body.amount; await sleep(30); purses[me] = left;', 'purses[me] -= body.amount;')}
    purses[body.to] += body.amount;
    return json(res, 200, { balance: purses[me] });
  }
  if (at === 'GET /profile') return json(res, 200, people[me]);
  if (at === 'PUT /profile') {
    const body = await receive(req);
    if (!Number.isInteger(body?.berth) || body.berth < 1 || body.berth > 40) return json(res, 422, { error: 'berth must be an integer between 1 and 40' });
    ${choose('Object.assign(people[me], body, { name: me });', 'people[me].berth = body.berth;')}
    return json(res, 200, people[me]);
  }
  json(res, 404, { error: 'nothing here' });
}).listen(process.env.PORT, '127.0.0.1');
`;

/** The report on a product of one file, started as a process of its own. */
export async function attackFile(source: string, { withSources = true } = {}): Promise<ProbeReport> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-marina-'));
  await writeFile(join(folder, 'server.mjs'), source);
  const start = () => startCommand({ command: [process.execPath, 'server.mjs'], cwd: folder });
  let running = await start();
  try {
    return await probe({
      origin: running.origin,
      seed: 5,
      budget: { requests: 6_000, ms: 60_000 },
      identities: { users: USERS },
      inputs: withSources ? await readSources(folder) : [],
      async reset() {
        await running.stop();
        running = await start();
        return running.origin;
      },
    });
  } finally {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
