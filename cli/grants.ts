import type { Factory } from '../servers/core/factory/definition.ts';
import type { OwnWords } from '../servers/core/factory/parse.ts';

/** One difference in who may do what. */
export interface GrantChange {
  readonly role: string;
  readonly what: 'may' | 'spawns' | 'writes' | 'agents' | 'role';
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** How the rights of two definitions differ, role by role; empty when nobody may do more or less. */
export function grantChanges(before: Factory | undefined, after: Factory): GrantChange[] {
  const names = [...new Set([...Object.keys(before?.roles ?? {}), ...Object.keys(after.roles)])];
  return names.flatMap((role) => {
    const old = before?.roles[role];
    const now = after.roles[role];
    const existence = difference(role, 'role', old ? [role] : [], now ? [role] : []);
    const kinds = ['agents', 'may', 'spawns', 'writes'] as const;
    const rights = kinds.map((kind) => difference(role, kind, old?.[kind] ?? [], now?.[kind] ?? []));
    return [existence, ...rights].filter(({ added, removed }) => added.length + removed.length > 0);
  });
}

/** The changes as lines: `+ developer may release:cut`. */
export function grantLines(changes: readonly GrantChange[]): string[] {
  return changes.flatMap(({ role, what, added, removed }) => [
    ...added.map((item) => `+ ${role} ${what} ${item}`),
    ...removed.map((item) => `- ${role} ${what} ${item}`),
  ]);
}

/** The roles that two definitions give other words, as lines: `~ designer words`. */
export function wordLines(before: OwnWords, after: OwnWords): string[] {
  const text = (own: OwnWords, role: string) => JSON.stringify(own.get(role));
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((role) => text(before, role) !== text(after, role))
    .map((role) => `~ ${role} words`);
}

function difference(
  role: string,
  what: GrantChange['what'],
  before: readonly string[],
  after: readonly string[],
): GrantChange {
  return {
    role,
    what,
    added: after.filter((item) => !before.includes(item)),
    removed: before.filter((item) => !after.includes(item)),
  };
}
