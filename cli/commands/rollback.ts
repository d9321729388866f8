import type { Command } from 'commander';
import { ToolError } from '../../servers/core/errors.ts';
import { releaseId } from '../../servers/core/ids.ts';
import { endDeadHolders } from '../../servers/core/process_holder.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { type Hold, holdFreeProduct } from '../../servers/deploy/hold.ts';
import { notBack } from '../../servers/deploy/put_back.ts';
import { openJobOf, releasesOf, saveRelease } from '../../servers/deploy/queries.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import type { Result } from '../io.ts';

type Release = Row<'releases'>;

export function rollback(program: Command): void {
  program
    .command('rollback <product> [version]')
    .description('serve an earlier version of a product again: the one before, or the one named; data stays')
    .action(
      handled((_io, options, product = '', version?: string) =>
        withFactory(options, (services) => back(services, product, version)),
      ),
    );
}

async function back(services: Services, product: string, version: string | undefined): Promise<Result> {
  const { db } = services.store;
  const rows = await releasesOf(db, product);
  const leaving = leavingOf(rows, product, version);
  const [newest] = leaving as [Release];
  await endDeadHolders(services);
  // A job that only waits finds, once it runs, that its release is no longer under way.
  if ((await openJobOf(db, 'release.advance', newest.id))?.state === 'running') throw busy(newest);
  const to = rows.find((row) => isServed(row) && !leaving.includes(row));
  try {
    return await holdFreeProduct(services, newest, new AbortController().signal, (hold) =>
      move(services, { leaving, to }, hold),
    );
  } catch (error) {
    if (error instanceof ToolError && error.rule === 'release.busy') throw busy(newest);
    throw error;
  }
}

const busy = ({ id }: Release) =>
  new CommandError(
    'BUSY',
    `${releaseId(id)} is being taken on right now.`,
    'Wait until that has ended; it comes back by itself when it is not healthy.',
  );

async function move(
  services: Services,
  { leaving, to }: { leaving: Release[]; to: Release | undefined },
  hold: Hold,
): Promise<Result> {
  const [newest] = leaving as [Release];
  const { product } = newest;
  const target = hold.fenced(await services.target(newest.target));
  await record(services, newest, 'release.intent', { to: to?.version ?? null });
  if (to) await target.split(product, [{ version: to.version, percent: 100 }]);
  else await target.retire(product);
  const fault = await notBack(target, newest, to, hold.signal);
  await services.store.transaction(async (tx) => {
    await hold.check(tx);
    for (const { id } of leaving) await saveRelease(tx, id, { state: 'rolled-back' });
  });
  await record(services, newest, 'release.rolled-back', { to: to?.version ?? null, fault: fault ?? null });
  const value = {
    product,
    left: leaving.map(({ id }) => releaseId(id)),
    serves: to ? { release: releaseId(to.id), version: to.version, url: to.url } : null,
    verified: fault === undefined,
  };
  const text = to
    ? `${product} serves ${releaseId(to.id)} (${to.version}) again.`
    : `${product} serves nothing now: there was no version before.`;
  if (fault === undefined) return { value, text };
  const failure = {
    code: 'NOT_BACK',
    message: `${text} But it does not hold: ${fault}.`,
    remedy: 'Look at `millwright releases`, or name an earlier version.',
  };
  return { value, text: failure.message, exit: EXIT.failed, failure };
}

/** How a place elsewhere names a version of its own. */
const FOREIGN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const isServed = ({ state }: Release) => state === 'live' || state === 'verified';

/** The releases that go: those newer than the version named, or the newest one. `rows` are newest first. */
function leavingOf(rows: readonly Release[], product: string, version: string | undefined): Release[] {
  const current = rows.filter((row) => isServed(row) || row.state === 'cutting');
  const at = version === undefined ? 1 : current.findIndex((row) => row.version === version && isServed(row));
  if (current.length === 0)
    throw new CommandError('NOT_FOUND', `${product} serves nothing.`, 'See `millwright releases`.');
  if (at === -1 && version !== undefined && FOREIGN.test(version)) {
    throw new CommandError(
      'NOT_OURS',
      `Millwright did not upload ${version}, so nobody here knows what it binds or needs: it is not put back.`,
      'Name a version that `millwright releases` shows, or put it back where it came from.',
    );
  }
  if (at === -1) {
    throw new CommandError(
      'NOT_FOUND',
      `${product} has no version of that name to go back to.`,
      `Name one of ${
        current
          .filter(isServed)
          .map((row) => row.version)
          .join(', ') || 'none: there is none'
      }.`,
    );
  }
  if (at === 0) {
    throw new CommandError('ALREADY', 'That version is the one that is served.', 'Name an earlier one.');
  }
  return current.slice(0, at);
}

const record = (
  { store, clock }: Services,
  { id, product }: Release,
  event: string,
  body: Record<string, unknown>,
) =>
  store.transaction((tx) =>
    append(store, tx, {
      at: clock.now(),
      session: 'operator',
      agent: 'operator',
      role: 'operator',
      event,
      subject: `release:${id}`,
      body: { product, ...body },
    }),
  );
