import { expect } from 'vitest';
import { ERROR_CODES } from '../../servers/core/errors.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import type { Result, TestFactory } from '../harness.ts';
import type { Canaries } from './canaries.ts';
import type { FleetTool } from './fleet.ts';
import { accepts, argumentsWith, batches, joined, textArguments } from './hostile_inputs.ts';
import type { HostileSite } from './hostile_site.ts';
import { readBack } from './read_back.ts';
import { sample } from './samples.ts';
import { NAUGHTY } from './strings.ts';

const KNOWN = new RegExp(`^(${ERROR_CODES.join('|')}): [^]+\\nNext: .+`);
/** Of the texts that a schema refuses, those that also go the whole way: they all end at the same place. */
const SAMPLE = 40;
/** One of each way in: these get every naughty string as a whole value; the others several, a line each, in one. */
const WHOLE = ['activity_log', 'artifact_put', 'lesson_search', 'memory_write', 'task_create'];
/** Characters of naughty strings in one value. */
const LONGEST_JOINED = 1000;
const NAUGHTY_ONES = new Set(NAUGHTY);

type Args = Record<string, unknown>;

export async function tablesOf(db: TestFactory['services']['store']['db']): Promise<string[]> {
  return (await db.introspection.getTables()).map(({ name }) => name).sort();
}

export async function refusalsOf({ services }: TestFactory): Promise<number> {
  const row = await services.store.db
    .selectFrom('refusals')
    .select((eb) => eb.fn.sum<number>('count').as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count ?? 0);
}

export function fault(home: string, { isError, text }: Result, canaries?: Canaries): string | undefined {
  const leaked = canaries?.leak(text);
  if (leaked) return `gives away the secret of the ${leaked}`;
  if (text.length > 10_000) return `an answer of ${text.length} characters`;
  if (isError && (!KNOWN.test(text) || text.startsWith('INTERNAL'))) return text.slice(0, 300);
  if (isError && (text.includes(home) || /\bat .*\.ts:\d+/.test(text))) return `leaks: ${text.slice(0, 300)}`;
  return undefined;
}

/** What no attack may have changed, whatever it was told; `after` says in a failure whose tools were attacked. */
export async function expectUnharmed(
  at: HostileSite,
  canaries: Canaries,
  tables: readonly string[],
  after = 'all tools',
): Promise<void> {
  const { services, home } = at.factory;
  expect(await canaries.sung(), after).toEqual([]);
  expect(await canaries.leakedInto(home), after).toEqual([]);
  expect(
    at.logged.filter((line) => canaries.leak(line) || line.startsWith('incident')),
    after,
  ).toEqual([]);
  expect(await tablesOf(services.store.db), after).toEqual(tables);
  expect(({} as { polluted?: boolean }).polluted, after).toBeUndefined();
  expect(await verifyRecord(services.store.db), after).toMatchObject({ ok: true });
}

/** The texts of each argument that the schema accepts, and those it refuses, each judged alone. */
function sorted(tool: FleetTool, path: string, fitting: Args, texts: readonly string[]) {
  const [accepted, refused]: [string[], string[]] = [[], []];
  for (const text of texts) {
    const said = accepts(tool, argumentsWith(tool, fitting, path, text));
    if ('input' in said) accepted.push(text);
    else refused.push(text);
  }
  return { accepted, refused };
}

/** The naughty ones among the accepted texts in as few values as the argument's schema lets them be; attacks whole. */
function packed(tool: FleetTool, path: string, fitting: Args, texts: readonly string[], longest: number) {
  if (WHOLE.includes(tool.shown.name)) return texts;
  const naughty = texts.filter((text) => NAUGHTY_ONES.has(text));
  const values = joined(naughty, Math.min(longest, LONGEST_JOINED));
  const { accepted, refused } = sorted(tool, path, fitting, values);
  expect(refused, `${tool.shown.name} ${path}`).toEqual([]);
  return [...texts.filter((text) => !NAUGHTY_ONES.has(text)), ...accepted];
}

export interface Attacked {
  /** What went wrong. */
  faults: string[];
  calls: number;
  /** Of the calls, those that were not refused. */
  taken: number;
}

/**
 * Sends every text to every argument of the tool. Unless `all`, naughty strings that an argument takes go several in
 * one value, and of the texts that its schema refuses only a sample goes the whole way.
 */
export async function attack(
  at: HostileSite,
  tool: FleetTool,
  texts: readonly string[],
  canaries: Canaries,
  { all = false } = {},
): Promise<Attacked> {
  const {
    shown: { name },
    takes,
  } = tool;
  const faults: string[] = [];
  let [taken, refusals] = [0, 0];
  const say = async (args: Args): Promise<Result> => {
    const result = await at.call(tool, args);
    const wrong = fault(at.factory.home, result, canaries) ?? (await readBack(at, tool, args, result));
    if (wrong) faults.push(`${name} ${JSON.stringify(args).slice(0, 200)}: ${wrong}`);
    if (result.isError) refusals++;
    else {
      taken++;
      await at.putBack(tool);
    }
    return result;
  };
  const before = await refusalsOf(at.factory);
  const free = new Map<string, readonly string[]>();
  for (const { path, isFree, longest } of textArguments(tool)) {
    const { accepted, refused } = sorted(tool, path, at.fitting(name), texts);
    const alone = all ? refused : refused.filter((_, index) => index % SAMPLE === 0);
    if (!isFree) alone.push(...accepted);
    else free.set(path, all ? accepted : packed(tool, path, at.fitting(name), accepted, longest));
    for (const text of alone) await say(argumentsWith(tool, at.fitting(name), path, text));
  }
  const harmless = free.size > 0 ? await say({ ...(sample(takes) as Args), ...at.fitting(name) }) : undefined;
  for (const batch of batches(tool, free)) {
    const smallest = sample(takes) as Args;
    const { isError, text } = await say({ ...smallest, ...batch, ...at.fitting(name) });
    // What refuses a harmless text in the same words has not refused one of these for what it says.
    if (!isError || text === harmless?.text) continue;
    for (const key of Object.keys(batch)) await say({ ...smallest, [key]: batch[key], ...at.fitting(name) });
  }
  expect((await refusalsOf(at.factory)) - before, name).toBe(refusals);
  return { faults, calls: taken + refusals, taken };
}
