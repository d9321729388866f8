import { mkdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { replaceFile } from '../../servers/core/files.ts';
import { LISTS, nameOf, POINTS, type Point } from './points.ts';

type List = Pick<Point, 'operation' | 'kind'>;

/** What came of one operation in one kind of process. */
export interface ListFigures extends List {
  /** How many points its list has, and at how many of them the factory ended as if nothing had died. */
  points: number;
  held: number;
  /** The points that did not hold, and what the list lacks or has too much. */
  failed: string[];
  /** The points that nothing was killed at yet. */
  left: string[];
  seconds: number;
}

export const isOf = (a: List) => (b: List) => a.operation === b.operation && a.kind === b.kind;

/** Of a list of which nothing was done yet. */
export function noFigures({ operation, kind }: List): ListFigures {
  const left = POINTS.filter(isOf({ operation, kind })).map(nameOf);
  return { operation, kind, points: left.length, held: 0, failed: [], left, seconds: 0 };
}

/** The points of a list that `figures` do not say have held. */
export const restOf = (figures: ListFigures): Point[] =>
  POINTS.filter(isOf(figures)).filter(
    (point) => figures.left.includes(nameOf(point)) || figures.failed.includes(nameOf(point)),
  );

/** What earlier runs left in `file` that still speaks of the lists as they are; nothing where there is no file. */
export async function readFigures(file: string): Promise<ListFigures[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"each":[]}';
    throw error;
  });
  const { each } = JSON.parse(text) as { each: ListFigures[] };
  return each.filter((one) => noFigures(one).points === one.points);
}

/** Puts what one list showed into `file`; `ok` is whether every point of every list was held. */
export async function noteFigures(file: string, figures: ListFigures): Promise<void> {
  figures.seconds = Math.round(figures.seconds * 10) / 10;
  const others = (await readFigures(file)).filter((one) => !isOf(figures)(one));
  const each = LISTS.flatMap((list) => [...others, figures].filter(isOf(list)));
  const sum = (key: 'held' | 'seconds') => each.reduce((total, one) => total + one[key], 0);
  const failed = each.reduce((total, one) => total + one.failed.length, 0);
  const whole = {
    ok: sum('held') === POINTS.length && failed === 0,
    points: POINTS.length,
    held: sum('held'),
    failed,
    operations: new Set(each.map(({ operation }) => operation)).size,
    kinds: new Set(each.map(({ kind }) => kind)).size,
    seconds: Math.round(sum('seconds')),
    each,
  };
  await mkdir(dirname(resolve(file)), { recursive: true });
  await replaceFile(file, `${JSON.stringify(whole, null, 2)}\n`);
}
