import { join } from 'node:path';
import { gitAs, must, PRODUCT } from '../stage.ts';
import { type Visitors, type Visits, visit } from '../visitors.ts';
import type { Kit } from './kit.ts';

/** What became of a further version; `traffic` is what its visitors saw while it had a share and after that. */
export interface Version {
  release: string;
  commit: string;
  state: string;
  /** The last step it took, healthy or not. */
  step: string;
  why: string;
  serves: string | null;
  /** Milliseconds from its first share of the traffic to the end: all of it, or none again. */
  ms: number;
  traffic: { during: Visits; after: Visits };
}

interface Step {
  step: string;
  at: number;
}

const NAMES = ['version-2', 'version-3'];

/**
 * The next two versions, each a commit in a folder of the owner's on top of mainline. Version 2 fails for every
 * browser that names more than one language, which no test and no probe sees; version 3 mends it. Each folder is
 * ready when its gates have run and its Worker is built, one after the other, while the agents go on.
 */
export function prepareVersions(kit: Kit): Promise<string>[] {
  const { stage } = kit;
  let before = gitAs('owner', stage.repository, ['pull', '-q', '--ff-only', 'factory', 'main']).then(
    () => stage.repository,
  );
  const ready = NAMES.map((name) => {
    before = before.then((folder) => prepareOne(kit, folder, name));
    return before;
  });
  for (const one of ready) one.catch(() => {});
  return ready;
}

async function prepareOne({ stage, human }: Kit, before: string, name: string): Promise<string> {
  const folder = join(stage.folder, name);
  await gitAs('owner', stage.folder, ['clone', '-q', before, folder]);
  await gitAs('owner', folder, ['apply', join(PRODUCT, `${name}.patch`)]);
  await gitAs('owner', folder, ['add', '-A']);
  await gitAs('owner', folder, ['commit', '-q', '-m', `The wall says of which day it is (${name})`]);
  await must(human.signs(['ship', folder, '--print']), 'The gates');
  return folder;
}

/** Ships the next two versions of a product that is served, while visitors read it. */
export async function shipVersions(kit: Kit, page: string): Promise<Version[]> {
  kit.progress.phase('next versions');
  const visitors = visit(page);
  try {
    const versions: Version[] = [];
    for (const ready of kit.prepared ?? prepareVersions(kit)) {
      kit.progress.doing('owner', 'has the gates run');
      versions.push(await shipOne(kit, await ready, visitors));
    }
    return versions;
  } finally {
    await visitors.leave();
  }
}

async function shipOne(kit: Kit, folder: string, visitors: Visitors): Promise<Version> {
  const { human, progress } = kit;
  progress.doing('owner', 'ships the commit, step by step');
  const { json } = await human.signs(['ship', folder, '--yes']);
  if (json.release === undefined)
    throw new Error(
      `ship: ${(json.error as { message?: string } | undefined)?.message ?? 'it said nothing'}`,
    );
  const { steps } = await newest(kit);
  const now = Date.now();
  const at = (of: Step | undefined) => of?.at ?? 0;
  const begun = at(steps.find(({ step }) => step === 'staging'));
  const last = steps.at(-1);
  const traffic = {
    during: visitors.between(begun, at(last)),
    after: visitors.between(at(last), now),
  };
  const ms = at(last) - begun;
  const { release, commit, state, why, serves } = json as unknown as Omit<Version, 'ms' | 'traffic' | 'step'>;
  const version = { release, commit, state, step: last?.step ?? '', why, serves, ms, traffic };
  for (const line of told(version)) progress.done(state === 'live' ? 'owner' : 'server', line);
  return version;
}

async function newest({ stage }: Kit): Promise<{ steps: Step[] }> {
  const { json } = await must(stage.millwright(['releases']), 'The releases');
  const [product] = json.products as { newest: { steps: Step[] } }[];
  return product?.newest ?? { steps: [] };
}

/** What a person wants to know of a version. */
function told({ release, state, step, why, serves, ms, traffic }: Version): string[] {
  const { during, after } = traffic;
  if (state === 'live')
    return [`${release} is live; of ${during.asked} requests of visitors on its way ${during.failed} failed`];
  return [
    `${release} ${why}`,
    `${release} came back from ${step} by itself after ${(ms / 1000).toFixed(1)} s: ${during.failed} of ${during.asked} requests of visitors failed; since then ${serves} answers, ${after.failed} of ${after.asked} failed`,
  ];
}

/** Whether the bad version came back by itself and hurt nobody after that, and the good one has all traffic. */
export function heldUp([bad, good]: readonly Version[]): boolean {
  if (!bad || !good) return false;
  const { during, after } = bad.traffic;
  const back = bad.state === 'rolled-back' && bad.step.startsWith('canary') && after.asked > 0;
  const small = during.failed > 0 && during.failed < during.asked / 2 && after.failed === 0;
  return back && small && good.state === 'live' && good.traffic.during.failed === 0;
}
