import type { HomeEnrolment } from '../../servers/core/enrolment.ts';
import { hashToken } from '../../servers/core/identity.ts';
import { inTime } from '../../servers/core/in_time.ts';
import { openServices } from '../../servers/core/open.ts';
import type { Services } from '../../servers/core/services.ts';
import { enrolmentByToken } from '../session_queries.ts';

/** A hook answers within five seconds, its start included. */
const STORE_MS = 3_000;

/** The enrolment that a hook names does not count. */
export class NotEnrolled extends Error {}

/**
 * Works on the store of the factory that an enrolment belongs to. Throws `NotEnrolled` for one that does not count,
 * and an Error when the store does not answer in time.
 */
export function withHookStore<T>(file: HomeEnrolment, work: (services: Services) => Promise<T>): Promise<T> {
  return inTime(openFor(file, work), STORE_MS, () => new Error('The store did not answer in time.'));
}

async function openFor<T>(file: HomeEnrolment, work: (services: Services) => Promise<T>): Promise<T> {
  const services = await openServices(file.home, { databaseUrl: process.env.DATABASE_URL });
  try {
    const known = await enrolmentByToken(services.store.db, hashToken(file.token), services.clock.now());
    if (known?.agent !== file.agent) throw new NotEnrolled('This enrolment is revoked, expired or unknown.');
    return await work(services);
  } finally {
    await services.close();
  }
}
