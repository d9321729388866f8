import type { Command } from 'commander';
import { releaseId } from '../../servers/core/ids.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { cutJob } from '../../servers/deploy/cut.ts';
import { checksOf } from '../../servers/deploy/progress.ts';
import { cutJobOf, latestReleases } from '../../servers/deploy/queries.ts';
import { standOf } from '../../servers/deploy/steps.ts';
import { withFactory, withFleet } from '../factories.ts';
import { handled } from '../handled.ts';
import { type Io, type Result, shown, table } from '../io.ts';
import { runJob } from '../ship/gates.ts';
import { advance } from '../ship/release.ts';

const LOOKED_AT = 200;

export function releases(program: Command): void {
  const group = program.command('releases').description('where every product stands');
  group
    .command('list', { isDefault: true })
    .description('what each product serves, and what is under way')
    .action(handled((_io, options) => withFactory(options, list)));
  group
    .command('resume')
    .description('take on every release that is under way, from the step it stopped at')
    .action(
      handled((io, options) =>
        withFleet(options, { goesOn: 'Run it again.' }, (services) => resume(io, services)),
      ),
    );
}

async function list({ store }: Services): Promise<Result> {
  const rows = (await latestReleases(store.db, LOOKED_AT)).reverse();
  const products = [...new Set(rows.map(keyOf))].sort().map((key) => {
    const own = rows.filter((row) => keyOf(row) === key);
    const [newest] = own as [Row<'releases'>];
    const serves = own.find(({ state }) => state === 'live' || state === 'verified');
    return {
      product: newest.product,
      target: newest.target,
      serves: serves ? { release: releaseId(serves.id), version: serves.version, url: serves.url } : null,
      newest: {
        release: releaseId(newest.id),
        stand: standOf(newest),
        commit: newest.commit_id,
        steps: checksOf(newest),
      },
    };
  });
  if (products.length === 0) return { value: { products }, text: 'Nothing was released yet.' };
  const lines = products.map(({ product, target, serves, newest }) => [
    shown(product),
    target,
    serves ? `${serves.release} ${serves.url ?? ''}` : 'nothing',
    `${newest.release} ${newest.stand}`,
    shown(newest.steps.at(-1)?.why ?? ''),
  ]);
  return { value: { products }, text: table(['product', 'target', 'serves', 'newest', 'it showed'], lines) };
}

const keyOf = ({ product, target }: Row<'releases'>) => `${product} ${target}`;

async function resume(io: Io, services: Services): Promise<Result> {
  const { db } = services.store;
  const open = (await latestReleases(db, LOOKED_AT)).filter(({ state }) => state === 'cutting');
  const resumed = [];
  for (const { id, step } of open) {
    io.progress(`${releaseId(id)} goes on after ${step ?? 'nothing'}`);
    const job = step === null ? await cutJobOf(db, id) : undefined;
    if (job) await runJob(services, 'release.cut', cutJob.parse(JSON.parse(job.input)));
    const { release, state, url, why } = await advance(io, services, id);
    resumed.push({ release, state, url, why });
  }
  const lines = resumed.map(({ release, state, url }) => `${release} is ${state}${url ? ` at ${url}` : ''}`);
  return { value: { resumed }, text: lines.join('\n') || 'No release is under way.' };
}
