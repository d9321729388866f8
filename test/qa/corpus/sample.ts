import { createHash } from 'node:crypto';
import type { PlantedCase } from './corpus.ts';

/** Whether every case is played, as `npm run test:corpus` does; else a few of each day. */
export const WHOLE = process.env.CORPUS === 'all';

const SHARE = 6;

/** Defects in the order of the day, the first six of them with their twins; all where the whole corpus is played. */
export function sampled(all: readonly PlantedCase[], day: string): PlantedCase[] {
  if (WHOLE) return [...all];
  const rank = (id: string) => createHash('sha256').update(`${day} ${id}`).digest('hex');
  const defects = all.filter(({ sound, kind }) => !sound && kind !== 'page');
  const drawn = defects.sort((a, b) => (rank(a.id) < rank(b.id) ? -1 : 1)).slice(0, SHARE);
  const ids = new Set(drawn.map(({ id }) => id));
  return all.filter(({ id, twin }) => ids.has(id) || (twin !== undefined && ids.has(twin)));
}
