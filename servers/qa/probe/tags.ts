/**
 * Words such as `q3kz80vtx`: a source of tags that gives the same words for the same seed (mulberry32).
 * Lower-case letters and digits only, so that no encoding, escaping or parser changes them.
 */
export function tagSource(seed: number): () => string {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return () => `q${next().toString(36).padStart(7, '0')}x`;
}
