import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LISTS, POINTS, type Point } from './points.ts';

type List = Pick<Point, 'operation' | 'kind'>;

/** What came of one operation in one kind of process. */
export interface ListFigures extends List {
  /** How many points its list had, and of how many of them the factory ended as if nothing had died. */
  points: number;
  held: number;
  /** The points that did not hold, and what the list lacks or has too much. */
  failed: string[];
  seconds: number;
}

export const isOf = (a: List) => (b: List) => a.operation === b.operation && a.kind === b.kind;

/** What an earlier run left in `file` that still speaks of the lists as they are; nothing where there is no file. */
export async function readFigures(file: string): Promise<ListFigures[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"each":[]}';
    throw error;
  });
  const { each } = JSON.parse(text) as { each: ListFigures[] };
  return each.filter((one) => POINTS.filter(isOf(one)).length === one.points);
}

/** Writes what all lists showed, in their order; `ok` is whether every point of every list was held. */
export async function writeFigures(file: string, each: readonly ListFigures[]): Promise<void> {
  const sum = (key: 'points' | 'held' | 'seconds') => each.reduce((total, one) => total + one[key], 0);
  const figures = {
    ok: sum('held') === POINTS.length && each.every(({ failed }) => failed.length === 0),
    points: POINTS.length,
    killed: sum('points'),
    held: sum('held'),
    operations: new Set(each.map(({ operation }) => operation)).size,
    kinds: new Set(each.map(({ kind }) => kind)).size,
    seconds: sum('seconds'),
    each: LISTS.flatMap((list) => each.filter(isOf(list))),
  };
  await mkdir(dirname(resolve(file)), { recursive: true });
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
}
