import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PACKAGE_ROOT } from '../../servers/core/version.ts';

const AGENTS = 10;
const NAMES = 20_000;
const MINUTE = 60_000;
const SYLLABLES = ['ba', 'ce', 'di', 'fo', 'gu', 'ka', 'le', 'mi', 'no', 'pu', 'ra', 'se', 'ti', 'vo', 'zu'];

interface Sentence {
  text: string;
  aliases: string[];
}

/** The questions of the evaluation set: what agents ask, as they ask it. */
export async function questions(): Promise<string[]> {
  return (await linesOf('questions.jsonl')).map(
    (line) => (JSON.parse(line) as { question: string }).question,
  );
}

/**
 * Writes entries of ten agents, a minute apart, the same in each run: a sentence of the evaluation set and names
 * of which few are frequent, as in a factory's notes. Real words are far more frequent than in a real store of this
 * size, which makes the search harder, not easier.
 */
export async function writeCorpus(file: string, entries: number): Promise<void> {
  const sentences = (await linesOf('entries.jsonl')).map((line) => JSON.parse(line) as Sentence);
  const random = generator(7);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const name = () => nameOf(Math.floor(NAMES * random() ** 4));
  function* lines() {
    const start = Date.parse('2026-01-01T00:00:00Z');
    for (let n = 1; n <= entries; n++) {
      const { text } = pick(sentences);
      const aliases = random() < 0.6 ? pick(sentences).aliases : [];
      const entry = {
        id: `bench-${n}`,
        text: `${name()} ${name()}: ${text} ${name()} ${n}`,
        kind: n % 4 === 0 ? 'decision' : 'fact',
        time: start + n * MINUTE,
        tags: [name()],
        source: `T-${Math.ceil(n / 20)}`,
        agent: `agent-${n % AGENTS}`,
        role: 'developer',
        aliases,
        about: n % 5 === 0 ? [`module:${name()}`] : [],
      };
      yield `${JSON.stringify(entry)}\n`;
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
}

async function linesOf(name: string): Promise<string[]> {
  const text = await readFile(join(PACKAGE_ROOT, 'test', 'memory', 'eval', name), 'utf8');
  return text.trim().split('\n');
}

function nameOf(number: number): string {
  let name = '';
  for (let rest = number + SYLLABLES.length ** 2; rest > 0; rest = Math.floor(rest / SYLLABLES.length))
    name += SYLLABLES[rest % SYLLABLES.length];
  return name;
}

/** A linear congruential generator: the same numbers from 0 to 1 in each run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
