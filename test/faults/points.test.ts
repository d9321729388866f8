import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildOnce } from '../cli/command.ts';
import { LISTS, nameOf, POINTS, type Point, unlisted } from './points.ts';
import { differences, type Outcome, runOperation } from './points_run.ts';
import { type Stage, setStage } from './points_stage.ts';

/** The operations that need neither the sandbox nor the local target; `npm run test:faults -- --points` does all. */
const QUICK = LISTS.filter(
  ({ operation, kind }) =>
    kind !== 'daemon' && !['gates', 'release', 'advance', 'rollback'].includes(operation),
);
/** Between what is outside the store and what the store says of it; and in the midst of a command of a human. */
const SAMPLE = ['merge (stdio): before sql update submissions #1', 'approve (cli): before sql commit #2'];

/** Many processes are started, one after the other: on a loaded machine that takes long. */
const PATIENCE_MS = 180_000;

let folder: string;
let stage: Stage;
beforeAll(async () => {
  await buildOnce();
  folder = await mkdtemp(join(tmpdir(), 'mw-points-'));
  stage = await setStage(folder, { served: false });
}, PATIENCE_MS);
afterAll(async () => {
  await stage?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** Each operation undisturbed, done once. */
const undisturbed = new Map<string, Promise<Outcome>>();
function whole({ operation, kind }: Pick<Point, 'operation' | 'kind'>): Promise<Outcome> {
  const known = undisturbed.get(`${operation} ${kind}`) ?? runOperation(stage, { operation, kind });
  undisturbed.set(`${operation} ${kind}`, known);
  return known;
}

test(
  'the list has every step that an operation does, and no other',
  async () => {
    const faults: Record<string, string[]> = {};
    for (const list of QUICK) {
      const { steps } = await whole(list);
      faults[list.operation] = unlisted(steps, list.steps);
    }
    expect(faults).toEqual(Object.fromEntries(QUICK.map(({ operation }) => [operation, []])));
  },
  PATIENCE_MS,
);

test.each(SAMPLE)('%s: the factory ends as if nothing had died', async (name) => {
  const point = POINTS.find((one) => nameOf(one) === name);
  if (!point) throw new Error(`the list has no ${name}`);
  const expected = await whole(point);
  expect(differences(expected, await runOperation(stage, point))).toEqual([]);
});
