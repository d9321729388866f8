import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { execa } from 'execa';
import { readDefinition } from '../../../servers/core/factory/create.ts';
import { smallFactory } from '../factory.ts';
import { commandLine } from '../programs.ts';
import { median, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';

const SESSIONS = 50;
const CALLS_EACH = 20;
const BAR_MB = 300;
/** For what the last calls began. */
const SETTLED_MS = 500;

/** The memory of `millwright up` while fifty real clients are connected and have worked. */
export async function upMemory({ folder, signal, progress }: Surroundings): Promise<Row> {
  const rounds: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`${SESSIONS} sessions, round ${round} of ${ROUNDS}`);
    const home = join(folder, String(round));
    await mkdir(home);
    rounds.push(await megabytes(home, signal));
  }
  const value = median(rounds);
  return {
    name: `millwright up with ${SESSIONS} connected sessions`,
    value: rounded(value),
    unit: 'MB',
    echo: null,
    ratio: null,
    bar: `≤ ${BAR_MB} MB`,
    pass: value <= BAR_MB,
  };
}

async function megabytes(home: string, signal: AbortSignal): Promise<number> {
  const enrolment = await smallFactory(home);
  const { 'factory.yaml': definition = '' } = await readDefinition('solo');
  await writeFile(join(dirname(dirname(enrolment)), 'factory.yaml'), definition);
  const { token } = JSON.parse(await readFile(enrolment, 'utf8')) as { token: string };
  const { file, args } = commandLine(['up', '--port', '0', '--json', '--home', home]);
  const up = execa(file, args, { cancelSignal: signal, reject: false, forceKillAfterDelay: 5000 });
  const clients: Client[] = [];
  try {
    const url = await listening(up.stdout, up);
    for (let index = 0; index < SESSIONS; index++) clients.push(await connected(url, token));
    await Promise.all(clients.map(work));
    await sleep(SETTLED_MS);
    return residentMegabytes(up.pid);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    up.kill('SIGTERM');
    await up;
  }
}

async function listening(output: Readable, ended: Promise<{ stderr?: string }>): Promise<URL> {
  const line = new Promise<string>((resolve) => createInterface(output).once('line', resolve));
  const gone = ended.then(({ stderr }) => Promise.reject(new Error(`The server is gone: ${stderr ?? ''}`)));
  gone.catch(() => {});
  return new URL((JSON.parse(await Promise.race([line, gone])) as { url: string }).url);
}

async function connected(url: URL, enrolment: string): Promise<Client> {
  const answer = await fetch(new URL('/session', url), {
    method: 'POST',
    headers: { Authorization: `Bearer ${enrolment}` },
  });
  const { token } = (await answer.json()) as { token: string };
  const client = new Client({ name: 'bench', version: '1.0.0' });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));
  return client;
}

async function work(client: Client): Promise<void> {
  await client.listTools();
  for (let index = 0; index < CALLS_EACH; index++) {
    const { isError } = await client.callTool({ name: 'task_list', arguments: {} });
    if (isError) throw new Error('A session was refused.');
  }
}

function residentMegabytes(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kilobytes === undefined) throw new Error('The server is gone.');
  return Number(kilobytes) / 1024;
}
