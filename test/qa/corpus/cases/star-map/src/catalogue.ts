export interface Star {
  id: number;
  x: number;
  y: number;
  magnitude: number;
}

/** The brightest stars of a made-up sky, brightest first; the same on every start. */
export function brightest(candidates: number): Star[] {
  let state = 1234567;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const stars: Star[] = [];
  for (let id = 0; id < candidates; id++) stars.push({ id, x: next() * 360, y: next() * 180 - 90, magnitude: 6 - Math.log2(1 + next() * 400) });
  return stars.sort((a, b) => a.magnitude - b.magnitude || a.id - b.id).slice(0, 500);
}

export const CATALOGUE = brightest(1_500_000);
