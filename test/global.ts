import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server that tests make their databases on, or why there is none: each of them then fails. */
    postgres: { url: string } | { fault: string };
  }
}

/** One PostgreSQL for the whole run: `DATABASE_URL` where it is set, else one of our own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DATABASE_URL;
  if (given) {
    project.provide('postgres', { url: given });
    return async () => {};
  }
  try {
    const server = await startPostgres();
    project.provide('postgres', { url: server.url });
    return () => server.stop();
  } catch (error) {
    project.provide('postgres', { fault: String(error) });
    return async () => {};
  }
}
