import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError } from '../core/errors.ts';
import { beatLeases, isHeld, type Lease, leaseMs, releaseLease, takeLease } from '../core/leases.ts';
import { endDeadHolders, processHolder } from '../core/process_holder.ts';
import type { Services } from '../core/services.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import type { Target } from '../core/target/target.ts';
import { firstReleaseOf } from './queries.ts';

type Holder = Pick<Services, 'store' | 'clock' | 'factory'>;
type Release = Pick<Row<'releases'>, 'product' | 'target'>;

/** A product at a target in the hands of one process: a lease with a fence, as for a task. */
export interface Hold {
  readonly fence: number;
  /** Aborts when the lease is lost, or the process is to stop. */
  readonly signal: AbortSignal;
  /** Throws `NotHeld` unless the lease still runs under this fence. In a transaction the answer holds until it ends. */
  check(tx?: Tx): Promise<void>;
  /** The target, where nothing is changed any more once the lease is lost. */
  fenced(target: Target): Target;
}

/** The lease was lost: another process may have the product. Whoever meets it changes nothing more. */
export class NotHeld extends Error {
  override readonly name = 'NotHeld';
}

/** How often a process that waits looks again. */
const LOOK_MS = 250;

/**
 * Does something about a product's versions or traffic while no other process does. Waits until the product is free,
 * beats while `work` runs, and lets go after it. Throws what `work` throws, and the signal's reason while it waits.
 */
export async function holdProduct<T>(
  services: Holder,
  release: Release,
  signal: AbortSignal,
  work: (hold: Hold) => Promise<T>,
): Promise<T> {
  for (;;) {
    const lease = await take(services, release);
    if (lease) return keep(services, lease, signal, work);
    signal.throwIfAborted();
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** As holdProduct, but throws CONFLICT with rule `release.busy` when another process has the product. */
export async function holdFreeProduct<T>(
  services: Holder,
  release: Release,
  signal: AbortSignal,
  work: (hold: Hold) => Promise<T>,
): Promise<T> {
  const lease = await take(services, release);
  if (lease) return keep(services, lease, signal, work);
  throw new ToolError(
    'CONFLICT',
    `A release of ${release.product} is being taken on by the server right now; it comes back by itself when it is not healthy.`,
    'Wait with task_wait until the step has ended, then call again.',
    { rule: 'release.busy' },
  );
}

/** Takes the lease if it is free, or if the process that holds it has surely died: that one can't beat any more. */
async function take(services: Holder, release: Release): Promise<Lease | undefined> {
  const lease = await takeFree(services, release);
  if (lease || !(await endDeadHolders(services))) return lease;
  return takeFree(services, release);
}

/** The lease of a product at a target has the number of its first release there. */
async function takeFree(services: Holder, release: Release): Promise<Lease | undefined> {
  const { store, clock } = services;
  const length = leaseMs((await services.factory()).factory);
  const holder = await processHolder();
  return store.transaction(async (tx) => {
    const subject = await firstReleaseOf(tx, release);
    const fence = await takeLease(tx, 'release', subject, holder, clock.now() + length);
    return fence === undefined ? undefined : { kind: 'release', subject, holder, fence };
  });
}

async function keep<T>(
  services: Holder,
  lease: Lease,
  outer: AbortSignal,
  work: (hold: Hold) => Promise<T>,
): Promise<T> {
  const { store, clock } = services;
  const length = leaseMs((await services.factory()).factory);
  const lost = new AbortController();
  const signal = AbortSignal.any([outer, lost.signal]);
  const check = async (tx?: Tx) => {
    if (await isHeld(tx ?? store.db, lease, clock.now())) return;
    lost.abort(new NotHeld('the release is held by another process'));
    lost.signal.throwIfAborted();
  };
  const beat = setInterval(() => {
    store
      .transaction(async (tx) => {
        await check(tx);
        const now = clock.now();
        await beatLeases(tx, lease.holder, now, now + length);
      })
      .catch(() => {});
  }, length / 3);
  try {
    return await work({ fence: lease.fence, signal, check, fenced: (target) => fenced(target, check) });
  } finally {
    clearInterval(beat);
    await store.transaction(async (tx) => {
      if (await isHeld(tx, lease, clock.now())) await releaseLease(tx, 'release', lease.subject);
    });
  }
}

function fenced(target: Target, check: () => Promise<void>): Target {
  return {
    ...target,
    async upload(version) {
      await check();
      return target.upload(version);
    },
    async migrate(product, version) {
      await check();
      return target.migrate(product, version);
    },
    async split(product, shares) {
      await check();
      return target.split(product, shares);
    },
    async retire(product) {
      await check();
      return target.retire(product);
    },
  };
}
