import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkOut, type PlantedCase } from '../corpus/corpus.ts';
import { millwrightQa, type Ran, type Reported } from './command.ts';
import type { PagePlaces } from './page_place.ts';
import { isResource, isRoute, sameFile, sameResource, sameRoute } from './place.ts';
import { type Planted, type Scored, score } from './score.ts';

/** Of one run of the command. */
interface Bounds {
  seconds: number;
  signal: AbortSignal;
}

/**
 * Tests one case as a stranger would: its product in a new folder whose name says nothing, the real command, nothing
 * of the corpus beside it. The folder is removed.
 */
export async function play(planted: PlantedCase, bounds: Bounds): Promise<Ran> {
  const room = await mkdtemp(join(tmpdir(), 'stranger-'));
  try {
    return await runIn(room, planted, bounds);
  } finally {
    await rm(room, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Counts what a run of one case found. */
export function scored(
  planted: PlantedCase,
  ran: Omit<Ran, 'output'>,
  { all, pages }: { all: readonly PlantedCase[]; pages: PagePlaces },
): Promise<Scored> {
  const samePlace = (one: PlantedCase, expected: Planted, finding: Reported) =>
    placeOf(pages, one, expected, finding);
  return score(planted, ran, { samePlace, defect: all.find(({ id }) => id === planted.twin) });
}

async function runIn(room: string, planted: PlantedCase, bounds: Bounds): Promise<Ran> {
  const folder = join(room, 'product');
  await checkOut(planted, folder);
  if (planted.parent !== undefined) await withHistory(planted.dir, planted.parent, folder);
  const auth = planted.auth === undefined ? undefined : join(room, 'auth.json');
  if (auth !== undefined) await cp(join(planted.dir, planted.auth ?? ''), auth);
  const criteria = planted.task && (await criteriaOf(planted.task, join(room, 'criteria.json')));
  return millwrightQa(folder, {
    out: join(room, 'out'),
    ...bounds,
    ...(auth !== undefined && { auth }),
    ...(criteria !== undefined && { criteria }),
  });
}

/** The criteria of a task with what each is tied to, in the words of the task. */
async function criteriaOf(
  { criteria, ties }: NonNullable<PlantedCase['task']>,
  file: string,
): Promise<string> {
  const list = criteria.map(({ id, text }) => ({ criterion: text, checks: ties[id] ?? [] }));
  await writeFile(file, JSON.stringify(list, null, 2));
  return file;
}

/** A repository of two commits, as whoever made the change has it: the parent has neither its code nor its tests. */
async function withHistory(dir: string, parent: string, folder: string): Promise<void> {
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=A stranger', '-c', 'user.email=stranger@example.com', ...args], {
      cwd: folder,
    });
  const change = `${folder}-change`;
  await cp(folder, change, { recursive: true });
  await rm(join(folder, 'test'), { recursive: true, force: true });
  await cp(join(dir, parent), folder, { recursive: true });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--message=Before');
  await cp(change, folder, { recursive: true });
  await rm(change, { recursive: true });
  await git('add', '--all');
  await git('commit', '--quiet', '--message=The change');
}

async function placeOf(
  pages: PagePlaces,
  planted: PlantedCase,
  { where, also = [] }: Planted,
  finding: Reported,
) {
  for (const place of [where, ...also]) {
    const found = await placeIs(pages, planted, place, finding);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function placeIs(pages: PagePlaces, planted: PlantedCase, where: string, finding: Reported) {
  const criterion = planted.task?.criteria.find(({ id }) => id === where);
  if (criterion) return finding.what.includes(criterion.text) ? 'same' : undefined;
  if (isRoute(where)) return sameRoute(where, finding.where) ? 'same' : undefined;
  if (planted.kind !== 'page') return sameFile(where, finding.where) ? 'same' : undefined;
  if (isResource(where)) return sameResource(where, finding) ? 'same' : undefined;
  return pages.compare(planted, where, finding);
}
