const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** Minute, hour, day of the month, month, day of the week; Cloudflare counts days of the week from 1, Sunday. */
const FIELDS = [
  { least: 0, most: 59, names: [] },
  { least: 0, most: 23, names: [] },
  { least: 1, most: 31, names: [] },
  { least: 1, most: 12, names: MONTHS },
  { least: 1, most: 7, names: DAYS },
] as const;

/**
 * Whether a cron expression of five fields names this minute, UTC. Lists, ranges, steps and English names of months
 * and days are known; where both days are given, either is enough, as in cron(5).
 */
export function matches(expression: string, now: Date): boolean {
  const fields = fieldsOf(expression);
  if (!fields) return false;
  const [minute, hour, date, month, day] = fields;
  const dayOk = day?.has(now.getUTCDay() + 1);
  const dateOk = date?.has(now.getUTCDate());
  const [, , dateText, , dayText] = expression.trim().split(/\s+/);
  const either = dateText !== '*' && dayText !== '*';
  return Boolean(
    minute?.has(now.getUTCMinutes()) &&
      hour?.has(now.getUTCHours()) &&
      month?.has(now.getUTCMonth() + 1) &&
      (either ? dayOk || dateOk : dayOk && dateOk),
  );
}

/** Whether this is a cron expression that can be run. */
export const isCron = (expression: string): boolean => fieldsOf(expression) !== undefined;

function fieldsOf(expression: string): Set<number>[] | undefined {
  const texts = expression.trim().split(/\s+/);
  if (texts.length !== FIELDS.length) return undefined;
  const fields = texts.map((text, at) => {
    const parts = text.split(',').map((part) => partOf(part, FIELDS[at] ?? FIELDS[0]));
    return parts.every((part) => part !== undefined) ? new Set(parts.flat()) : undefined;
  });
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

function partOf(part: string, { least, most, names }: (typeof FIELDS)[number]): number[] | undefined {
  const found = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part);
  if (!found) return undefined;
  const [, star, from, to, step] = found;
  const number = (text: string) => {
    const named = (names as readonly string[]).indexOf(text.toUpperCase());
    return named >= 0 ? named + least : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  };
  const first = star ? least : number(from ?? '');
  const last = star || (step && to === undefined) ? most : number(to ?? from ?? '');
  const by = Number(step ?? 1);
  if (!(first >= least && last <= most && first <= last && by >= 1)) return undefined;
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, at) => first + at * by);
}
