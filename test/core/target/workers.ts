import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { bundleDigest } from '../../../servers/core/target/digest.ts';
import { reapLocalRuntime, stopLocalRuntime } from '../../../servers/core/target/local/local.ts';
import { listProcesses } from '../../../servers/core/target/local/processes.ts';
import { folderMark } from '../../../servers/core/target/local/reap.ts';
import type { Migration, WorkerVersion } from '../../../servers/core/target/target.ts';

const NOTES: Migration = {
  database: 'notes',
  name: '0001_note.sql',
  sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT);\n-- a row to begin with\nINSERT INTO note (text) VALUES ('first');",
};

/** A Worker that says its version, adds a note on POST, and tries to get out at /out. */
const script = (version: string) => `
import { connect } from 'cloudflare:sockets';
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const port = searchParams.get('port');
    if (pathname === '/fetch') {
      const answer = await fetch('http://127.0.0.1:' + port);
      return new Response(answer.status + ' ' + (await answer.text()));
    }
    if (pathname === '/connect') {
      const opened = await connect('127.0.0.1:' + port).opened.then(() => 'open', () => 'refused');
      return new Response(opened);
    }
    if (request.method === 'POST') await env.DB.prepare('INSERT INTO note (text) VALUES (?)').bind('more').run();
    const notes = await env.DB.prepare('SELECT count(*) AS n FROM note').first('n');
    return new Response('${version} ' + notes);
  },
};`;

/** A version of the product `notes`, whole and valid unless `changes` make it otherwise. */
export function notes(
  version: string,
  changes: { script?: string; migrations?: Migration[] } = {},
): WorkerVersion {
  const files = [{ path: 'index.js', bytes: Buffer.from(changes.script ?? script(version)) }];
  return {
    product: 'notes',
    version,
    bundle: bundleDigest(files),
    files,
    config: {
      name: 'notes',
      main: 'index.js',
      compatibilityDate: '2026-01-01',
      compatibilityFlags: [],
      d1: [{ binding: 'DB', database: 'notes' }],
      kv: [],
      r2: [],
      queues: { producers: [], consumers: [] },
      crons: [],
      durableObjects: [],
      assets: null,
      secrets: [],
      vars: {},
    },
    migrations: changes.migrations ?? [NOTES],
    secrets: {},
  };
}

/** All traffic to one version. */
export const all = (version: string) => [{ version, percent: 100 }];

export const laterMigration = (name: string, sql: string): Migration[] => [
  NOTES,
  { database: 'notes', name, sql },
];

/** A folder for a target's state; at the end of the test its runtime is stopped and the folder removed. */
export async function stateFolder(name = 'target-'): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), name));
  onTestFinished(async () => {
    await stopLocalRuntime(dir);
    await reapLocalRuntime(dir);
    await rm(dir, { recursive: true, force: true });
  });
  return dir;
}

/** Process ids of the workerd processes that belong to a state folder, by the mark in their environment. */
export async function workerdOf(dir: string): Promise<number[]> {
  const mark = await folderMark(dir);
  return (await listProcesses()).filter(({ owner }) => owner?.startsWith(`${mark}:`)).map(({ pid }) => pid);
}

/** What a GET or POST answers, as `status text`. */
export async function answer(url: string, method = 'GET'): Promise<string> {
  const response = await fetch(url, { method });
  return `${response.status} ${await response.text()}`;
}
