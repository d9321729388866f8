import { readFile, stat } from 'node:fs/promises';
import * as z from 'zod';
import type { Connection } from './connection.ts';
import { serveMcpOverStdio } from './mcp.ts';
import type { FleetLoader } from './tool.ts';

const enrolmentSchema = z.strictObject({
  factory: z.string(),
  home: z.string(),
  agent: z.string(),
  token: z.string().startsWith('mw_'),
});
export type EnrolmentFile = z.output<typeof enrolmentSchema>;

/**
 * Reads an enrolment file, which a host's configuration names by path. Throws when it is missing, can be read
 * by others, or is no enrolment; each with the way out.
 */
async function readEnrolment(path: string): Promise<EnrolmentFile> {
  const remedy = 'Run `millwright enrol AGENT` and name the file it prints in the host configuration.';
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new Error(`There is no enrolment at ${path}. ${remedy}`);
  if ((info.mode & 0o077) !== 0)
    throw new Error(`Others can read the enrolment at ${path}. Run \`chmod 600\` on it.`);
  const parsed = enrolmentSchema.safeParse(await readJson(path));
  if (!parsed.success) throw new Error(`${path} is no enrolment. ${remedy}`);
  return parsed.data;
}

export interface StdioOptions {
  enrolment: string;
  load: FleetLoader;
  databaseUrl?: string | undefined;
  /** The host's own session, if it names one: all connections that share it count as one person. */
  root?: string | undefined;
}

/**
 * Serves one agent over stdio until the host closes stdin or sends SIGTERM; what the session holds is then
 * given back. The fleet and the store load after `initialize` is answered, and a fault in the enrolment
 * becomes an error of the first request, which hosts show.
 */
export async function serveStdioAgent(options: StdioOptions): Promise<void> {
  let opened: Promise<OpenConnection> | undefined;
  const connect = () => (opened ??= openConnection(options));
  const handle = serveMcpOverStdio(connect, (error) =>
    process.stderr.write(`millwright: ${error.message}\n`),
  );
  await new Promise<void>((resolve) => {
    process.stdin.on('end', resolve);
    process.stdin.on('close', resolve);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
  await handle.close().catch(() => {});
  await (await opened?.catch(() => undefined))?.close();
}

interface OpenConnection extends Connection {
  close(): Promise<void>;
}

async function openConnection({ enrolment, load, databaseUrl, root }: StdioOptions): Promise<OpenConnection> {
  const file = await readEnrolment(enrolment);
  const [{ openServices }, { openSession }, { startBeats }] = await Promise.all([
    import('./open.ts'),
    import('./identity.ts'),
    import('./connection.ts'),
  ]);
  const fleet = await load();
  const services = await openServices(file.home, { databaseUrl, jobs: fleet.jobs });
  try {
    const session = await openSession(services, file.token, root);
    const beats = startBeats(services, session.id);
    return {
      fleet: fleet.tools,
      services,
      session: session.id,
      touch: beats.touch,
      async close() {
        await beats.stop().catch(() => {});
        await services.close();
      },
    };
  } catch (error) {
    await services.close();
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
