import * as z from 'zod';

/** Lines by file, as a change touches them. Numbers count from 1. */
export type ChangedLines = ReadonlyMap<string, ReadonlySet<number>>;

export const coverageOfChange = z.discriminatedUnion('measured', [
  z.object({
    measured: z.literal(true),
    lines: z.int(),
    covered: z.int(),
    /** `file:line`, at most 100. */
    missed: z.array(z.string()).max(100),
  }),
  z.object({ measured: z.literal(false), why: z.string().max(300) }),
]);
export type CoverageOfChange = z.infer<typeof coverageOfChange>;

const range = z.object({ startOffset: z.number(), endOffset: z.number(), count: z.number() });
const report = z.object({
  result: z.array(z.object({ url: z.string(), functions: z.array(z.object({ ranges: z.array(range) })) })),
});
type Range = z.infer<typeof range>;

const SOURCE = /\.[cm]?[jt]sx?$/;
const TEST = /(?:^|\/)(?:tests?|__tests__|spec|e2e)\/|\.(?:test|spec)\.[^/]+$/;
/** Whether a path is a source that tests should reach, and not a test itself. */
export const isProductSource = (path: string) =>
  SOURCE.test(path) && !TEST.test(path) && !/\.d\.[cm]?ts$/.test(path);
/** Whether a path is a file of tests. */
export const isTestFile = (path: string) => TEST.test(path) && /\.(?:[cm]?[jt]sx?|py|rb|go|rs)$/.test(path);

/** Blank lines, comments and lone brackets do nothing that could be run. */
const IDLE = /^\s*(?:$|\/\/|\/\*|\*|[{}()[\];,]+\s*$)/;

/**
 * Which changed lines ran, from what V8 wrote for each process (NODE_V8_COVERAGE). A line ran when the innermost
 * range around its first character was counted in any process; a file that no process loaded did not run.
 */
export function coverageOf(
  reports: readonly string[],
  changed: ChangedLines,
  textOf: (path: string) => string | undefined,
): CoverageOfChange {
  const loaded = rangesByFile(reports);
  const missed: string[] = [];
  let lines = 0;
  for (const [path, numbers] of changed) {
    const text = isProductSource(path) ? textOf(path) : undefined;
    if (text === undefined) continue;
    const runs = loaded.get(path) ?? [];
    let offset = 0;
    text.split('\n').forEach((line, index) => {
      const at = offset + (line.length - line.trimStart().length);
      offset += line.length + 1;
      if (!numbers.has(index + 1) || IDLE.test(line)) return;
      lines += 1;
      if (!runs.some((ranges) => isCounted(ranges, at))) missed.push(`${path}:${index + 1}`);
    });
  }
  return { measured: true, lines, covered: lines - missed.length, missed: missed.slice(0, 100) };
}

/** Per file, the ranges of each process that loaded it. */
function rangesByFile(reports: readonly string[]): Map<string, Range[][]> {
  const found = new Map<string, Range[][]>();
  for (const text of reports) {
    const read = safeParse(text);
    for (const { url, functions } of read?.result ?? []) {
      const path = /^file:\/\/\/job\/([^?#]+)/.exec(url)?.[1];
      if (path === undefined) continue;
      const ranges = functions.flatMap((one) => one.ranges);
      found.set(decodeURIComponent(path), [...(found.get(decodeURIComponent(path)) ?? []), ranges]);
    }
  }
  return found;
}

function isCounted(ranges: readonly Range[], at: number): boolean {
  let innermost: Range | undefined;
  for (const one of ranges) {
    if (one.startOffset > at || one.endOffset <= at) continue;
    const size = one.endOffset - one.startOffset;
    if (!innermost || size <= innermost.endOffset - innermost.startOffset) innermost = one;
  }
  return innermost !== undefined && innermost.count > 0;
}

function safeParse(text: string): z.infer<typeof report> | undefined {
  try {
    return report.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
