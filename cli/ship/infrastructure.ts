import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { INFRA_FILE, readInfra } from '../../servers/core/infra_file.ts';
import type { Services } from '../../servers/core/services.ts';
import { KINDS, resourcesOf } from '../../servers/core/target/needs.ts';
import type { WorkerConfig } from '../../servers/core/target/target.ts';
import { applySigned, keepSigned } from '../../servers/provision/by_human.ts';
import { type Wanted, wantedBy } from '../../servers/provision/make_plan.ts';
import { changeLine, type PlanBody } from '../../servers/provision/plan.ts';
import { proposal } from '../../servers/provision/proposal.ts';
import { CommandError } from '../failures.ts';

/** A plan, the digest that a signature covers, and its changes in words. */
export interface Planned {
  readonly plan: PlanBody;
  readonly digest: string;
  readonly lines: string[];
}

/** What a product needs, as its `infra.yaml` says it; from its Worker config alone. */
export function infraText(config: WorkerConfig, target: string): string {
  const named = (kind: string) =>
    resourcesOf(config)
      .filter((one) => one.kind === kind)
      .map(({ name }) => name);
  const lists = Object.entries({ d1: named('d1'), kv: named('kv'), r2: named('r2'), queues: named('queue') });
  const worker = {
    name: config.name,
    ...(config.crons.length > 0 && { crons: config.crons }),
    ...(config.secrets.length > 0 && { secrets: config.secrets }),
  };
  if (target === 'vercel') return stringify({ product: config.name, target, vercel: vercelOf(config) });
  return stringify({
    product: config.name,
    target,
    workers: [worker],
    ...Object.fromEntries(lists.filter(([, names]) => names.length > 0)),
  });
}

/** What a Worker asks for beside resources. */
const workerOf = ({ name, crons, secrets }: WorkerConfig) => ({ name, crons, secrets });

const vercelOf = ({ name, secrets }: WorkerConfig) => ({
  project: name,
  ...(secrets.length > 0 && { secrets }),
});

/** Writes `infra.yaml` into a folder that has none. Returns whether it did. */
export async function writeInfra(folder: string, text: string): Promise<boolean> {
  try {
    await writeFile(join(folder, INFRA_FILE), text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * What would be done for a Worker at a target, against what is there now: by the folder's `infra.yaml`, or without one
 * by the Worker's configuration. Throws when that file leaves out what the Worker binds.
 */
export async function planFor(
  services: Services,
  { config, target, infra }: { config: WorkerConfig; target: string; infra: string | undefined },
): Promise<Planned> {
  const resources = resourcesOf(config);
  const own = { product: config.name, target };
  const wanted: Wanted =
    infra === undefined
      ? { ...own, whole: false, resources, addresses: [], workers: [workerOf(config)] }
      : { ...wantedBy(readInfra(infra)), ...own };
  const missing = resources.find(
    ({ kind, name }) => !wanted.resources.some((one) => one.kind === kind && one.name === name),
  );
  if (missing)
    throw new CommandError(
      'INFRA',
      `${INFRA_FILE} does not name the ${KINDS[missing.kind]} ${missing.name}, which the Worker's configuration asks for.`,
      'Add it there, or correct its name in the configuration; then commit.',
    );
  const made = await proposal(services, services.store.db, wanted);
  return { ...made, lines: made.plan.changes.map(changeLine) };
}

/** Keeps a plan that a human signed and makes it true; returns its number. */
export async function applyFor(
  services: Services,
  planned: Planned,
  signed: Parameters<typeof keepSigned>[2],
): Promise<number> {
  const id = await keepSigned(services, planned, signed);
  await applySigned(services, id);
  return id;
}
