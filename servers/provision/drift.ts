import type { Services } from '../core/services.ts';
import { findAddress, findResource, realityFor, says } from './make_plan.ts';
import { readProgress } from './plan.ts';
import { latestApplied } from './queries.ts';

/** Something that is not as the last applied plan of its product left it. */
export interface Drift {
  product: string;
  target: string;
  kind: string;
  name: string;
  what: 'is gone' | 'was replaced by another' | 'says something else';
}

/** Compares what the last applied plan of each product left with what exists. Changes nothing. */
export async function driftOf(services: Services): Promise<{ plans: number; drift: Drift[] }> {
  const plans = await latestApplied(services.store.db);
  const drift: Drift[] = [];
  for (const { product, target: name, result } of plans) {
    const { resources, addresses } = readProgress(result);
    const reality = await realityFor(await services.target(name), addresses);
    const tell = (of: { kind: string; name: string }, what: Drift['what']) =>
      drift.push({ product, target: name, kind: of.kind, name: of.name, what });
    for (const one of resources) {
      const found = findResource(reality.resources, one);
      if (!found) tell(one, 'is gone');
      else if (found.id !== one.id) tell(one, 'was replaced by another');
    }
    for (const one of addresses) {
      const found = reality.addresses.find(({ id }) => id === one.id) ?? findAddress(reality.addresses, one);
      if (!found) tell(one, 'is gone');
      else if (!says(found, one)) tell(one, 'says something else');
    }
  }
  return { plans: plans.length, drift };
}
