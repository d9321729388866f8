import { ToolError } from '../core/errors.ts';
import type { Infra } from '../core/infra_file.ts';
import type { Address, Addresses, Resource, ResourceSpec, Target } from '../core/target/target.ts';
import type { Change, PlanBody } from './plan.ts';

/** What a product should run on. `whole` says that nothing else is the product's: what its plans made goes. */
export interface Wanted {
  product: string;
  target: string;
  whole: boolean;
  commit?: string;
  resources: ResourceSpec[];
  addresses: Address[];
  workers?: NonNullable<PlanBody['workers']>;
}

/** What earlier plans of this product left applied. */
export interface Ours {
  ids: ReadonlySet<string>;
  addresses: readonly Address[];
}

type Found = Address & { id: string };

/** What an infra.yaml wants. */
export function wantedBy(infra: Infra, commit?: string): Wanted {
  const { product, target, vercel, d1, kv, r2, queues, dns } = infra;
  const workers = vercel ? [projectOf(vercel)] : infra.workers;
  const of = (kind: ResourceSpec['kind'], all: readonly string[]) => all.map((name) => ({ kind, name }));
  const domains = workers.flatMap(({ name, domains }) =>
    domains.map(
      ({ host, zone }): Address => ({ kind: 'domain', name: host, settings: { worker: name, zone } }),
    ),
  );
  const records = dns.map(
    ({ zone, type, name, content, proxied }): Address => ({
      kind: 'dns',
      name: `${type} ${name}`,
      settings: { zone, content, proxied: String(proxied) },
    }),
  );
  return {
    product,
    target,
    whole: true,
    ...(commit === undefined ? {} : { commit }),
    resources: [
      ...of('d1', d1),
      ...of('kv', kv),
      ...of('r2', r2),
      ...of('queue', queues),
      ...of(
        'worker',
        workers.map(({ name }) => name),
      ),
    ],
    addresses: [...domains, ...records],
    workers: workers.map(({ name, crons, secrets }) => ({ name, crons, secrets })),
  };
}

/** At Vercel a Worker is a project. */
const projectOf = ({ project, secrets }: NonNullable<Infra['vercel']>): Infra['workers'][number] => ({
  name: project,
  secrets,
  crons: [],
  domains: [],
});

/** What exists at a target, as far as a plan with these addresses must know it. */
export async function realityFor(
  target: Pick<Target, 'name' | 'resources' | 'addresses'>,
  addresses: readonly Pick<Address, 'settings'>[],
): Promise<{ resources: Resource[]; addresses: Found[] }> {
  const zones = [...new Set(addresses.map(({ settings }) => settings.zone ?? ''))].sort();
  return { resources: await target.resources(), addresses: (await target.addresses?.list(zones)) ?? [] };
}

/**
 * Compares what is wanted with what exists. What exists is adopted as it is; only names that a plan of this product
 * made are changed, and only what such a plan made is deleted. Throws CONFLICT with rule `infra.foreign` for a name
 * that somebody else uses.
 */
export function makePlan(
  wanted: Wanted,
  reality: { resources: readonly Resource[]; addresses: readonly Found[] },
  ours: Ours,
  missingSecrets: readonly string[] = [],
  names?: Addresses,
): PlanBody {
  const resources = wanted.resources.map(({ kind, name }): Change => {
    const found = findResource(reality.resources, { kind, name });
    if (!found) return { action: 'create', kind, name, id: null };
    return { action: ours.ids.has(found.id) ? 'nothing' : 'adopt', kind, name, id: found.id };
  });
  const addresses = names ? wanted.addresses.map((one) => addressChange(one, reality.addresses, ours)) : [];
  const changes = [...resources, ...addresses];
  if (wanted.whole) changes.push(...deletions(changes, reality, ours));
  const { product, target, commit, workers } = wanted;
  const unreachable = names ? [] : wanted.addresses.map(({ name }) => name);
  return {
    product,
    target,
    ...(commit === undefined ? {} : { commit }),
    changes,
    ...(workers === undefined ? {} : { workers }),
    cost: costOf(target),
    risk: riskOf(changes, missingSecrets, unreachable),
  };
}

export const findResource = (reality: readonly Resource[], { kind, name }: ResourceSpec) =>
  reality.find((resource) => resource.kind === kind && resource.name === name);

/** The one address of this name, or of this name and content where a name may have several. */
export const findAddress = (reality: readonly Found[], { kind, name, settings }: Address) =>
  reality.find(
    (one) =>
      one.kind === kind &&
      one.name === name &&
      (!name.startsWith('TXT ') || one.settings.content === settings.content),
  );

/** Whether an address says what is wanted; the zone of a domain is not always told. */
export const says = (found: Address, wanted: Address): boolean =>
  Object.entries(wanted.settings).every(([key, value]) => key === 'zone' || found.settings[key] === value);

function addressChange(wanted: Address, reality: readonly Found[], ours: Ours): Change {
  const { kind, name, settings } = wanted;
  const found = findAddress(reality, wanted);
  if (!found) return { action: 'create', kind, name, id: null, settings };
  const isOurs = ours.ids.has(found.id);
  const plain = { kind, name, id: found.id, settings, before: found.settings };
  if (says(found, wanted)) return { action: isOurs ? 'nothing' : 'adopt', ...plain };
  if (isOurs) return { action: 'change', ...plain };
  throw new ToolError(
    'CONFLICT',
    `The ${kind} ${name} exists and says something else, and no plan of this product made it.`,
    'Take it out of infra.yaml, or say so in task_block: a human decides what the name is for.',
    { rule: 'infra.foreign' },
  );
}

function deletions(
  changes: readonly Change[],
  reality: { resources: readonly Resource[]; addresses: readonly Found[] },
  ours: Ours,
): Change[] {
  const kept = new Set(changes.map(({ id }) => id));
  const gone = [...reality.resources, ...reality.addresses].filter(
    ({ id }) => ours.ids.has(id) && !kept.has(id),
  );
  return gone.map((one): Change => {
    const { kind, name, id } = one;
    return { action: 'delete', kind, name, id, ...('settings' in one ? { settings: one.settings } : {}) };
  });
}

const PRICES: Record<string, string> = {
  cloudflare: 'developers.cloudflare.com/workers/platform/pricing',
  vercel: 'vercel.com/pricing',
};

const costOf = (target: string) =>
  target === 'local'
    ? 'Nothing: it runs on this machine.'
    : `Within the account's plan; use above what the plan includes is billed: ${PRICES[target] ?? target}.`;

function riskOf(
  changes: readonly Change[],
  missing: readonly string[],
  unreachable: readonly string[],
): string {
  const which = (action: Change['action']) =>
    changes.filter((one) => one.action === action).map(({ kind, name }) => `${kind} ${name}`);
  const [adopted, changed, deleted] = [which('adopt'), which('change'), which('delete')];
  const risks = [
    deleted.length > 0 && `DELETES, with what it holds: ${deleted.join(', ')}.`,
    adopted.length > 0 &&
      `Adopts what no plan of this product made, with the data in it: ${adopted.join(', ')}.`,
    changed.length > 0 && `Changes where people are led: ${changed.join(', ')}.`,
    missing.length > 0 && `No release before a human sets: ${missing.join(', ')}.`,
    unreachable.length > 0 && `Not made at this target, which has no names: ${unreachable.join(', ')}.`,
  ].filter((one) => one !== false);
  return risks.join(' ') || 'Low: only new resources, nothing is changed or deleted.';
}
