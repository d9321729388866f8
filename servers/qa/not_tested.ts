const SAID = /^([a-z]+): ([^:\n]{1,100}): (.+)$/s;

/**
 * What could not be tested, for a reader: lines that give one reason for several things, as `CHECK: THING: reason`,
 * become one that names them all, where the first of them stood.
 */
export function joined(lines: readonly string[]): string[] {
  const groups = new Map<string, { check: string; things: string[]; reason: string }>();
  for (const line of lines) {
    const [, check = '', thing, reason = line] = SAID.exec(line) ?? [];
    const key = `${check}\n${reason}`;
    const group = groups.get(key) ?? { check, things: [], reason };
    if (thing !== undefined) group.things.push(thing);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ check, things, reason }) =>
    things.length === 0 ? reason : `${check}: ${things.join(', ')}: ${reason}`,
  );
}
