/** What is shorter than any secret would take ordinary words out. */
const LEAST = 8;

/** Values that this process opened, each with what stands in its place. */
const known = new Map<string, string>();

/** From now on `scrub` takes this value, and its usual spellings, out of texts. */
export function keepOut(name: string, value: string): void {
  if (value.length < LEAST) return;
  for (const spelling of spellings(value)) known.set(spelling, `[secret ${name}]`);
}

/** The text without any secret that this process opened. What leaves a process goes through here. */
export function scrub(text: string): string {
  let clean = text;
  for (const [value, instead] of known) if (clean.includes(value)) clean = clean.replaceAll(value, instead);
  return clean;
}

/** As it is, in JSON, in a URL, in base64 and its form for URLs, in hex. */
function spellings(value: string): Set<string> {
  const bytes = Buffer.from(value);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return new Set([
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    base64,
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ]);
}
