import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Services } from '../../servers/core/services.ts';
import { KINDS, resourcesOf } from '../../servers/core/target/needs.ts';
import type { WorkerConfig } from '../../servers/core/target/target.ts';
import { applyPlan } from '../../servers/provision/apply.ts';
import { makePlan, type PlanBody, planDigest, readProgress } from '../../servers/provision/plan.ts';
import { appliedPlans, decidePlan, findPlan, insertPlan } from '../../servers/provision/queries.ts';

const INFRA_FILE = 'infra.yaml';

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
  return stringify({
    product: config.name,
    target,
    workers: [worker],
    ...Object.fromEntries(lists.filter(([, names]) => names.length > 0)),
  });
}

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

/** What would be done for a Worker at a target, against what is there now. */
export async function planFor(
  services: Services,
  config: WorkerConfig,
  target: string,
): Promise<{ plan: PlanBody; digest: string; lines: string[] }> {
  const reality = await (await services.target(target)).resources();
  const applied = await appliedPlans(services.store.db, config.name, target);
  const ours = new Set(applied.flatMap(({ result }) => readProgress(result).resources.map(({ id }) => id)));
  const wanted = { product: config.name, target, resources: resourcesOf(config) };
  const plan = makePlan(wanted, reality, ours);
  const lines = plan.changes.map(({ action, kind, name }) => `${action} ${KINDS[kind]} ${name}`);
  return { plan, digest: planDigest(plan), lines };
}

/** Keeps a plan that a human signed and makes it true; returns its number. A run that died is finished by the next. */
export async function applyFor(
  services: Services,
  { plan, digest }: { plan: PlanBody; digest: string },
  human: string,
): Promise<number> {
  const { store, clock } = services;
  const who = `human:${human}`;
  const id = await store.transaction(async (tx) => {
    const row = await insertPlan(tx, {
      product: plan.product,
      target: plan.target,
      body: JSON.stringify(plan),
      digest,
      task: null,
      pipeline: null,
      agent: who,
      root: who,
      created_at: clock.now(),
    });
    await decidePlan(tx, row.id, 'approved');
    return row.id;
  });
  const row = await findPlan(store.db, id);
  if (!row) throw new Error(`there is no plan ${id}`);
  await applyPlan(row, await services.target(plan.target), (work) => store.transaction(work));
  return id;
}
