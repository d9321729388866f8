import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { errorSignature } from '../core/memory/signature.ts';
import { lockInLine } from '../core/store/line.ts';
import type { Db, Store } from '../core/store/store.ts';
import { PACKAGE_ROOT } from '../core/version.ts';
import { insertLesson } from './lesson_queries.ts';

/** How many lessons the file holds: with as many in the store, a process that opens need not read it. */
export const SHIPPED = 9;

const line = (longest: number) => z.string().trim().min(3).max(longest);

/** One lesson of `factories/lessons.yaml`. */
const seed = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{2,39}$/),
  root_cause: line(600),
  fix: line(600),
  prevention: line(400),
  paths: z.array(line(120)).max(12).default([]),
  commands: z.array(line(80)).max(12).default([]),
  errors: z.array(line(400)).min(1).max(8),
});

type Seed = z.output<typeof seed>;

/** The lessons that ship. Throws when the file does not have their form. */
export async function readSeeds(file = join(PACKAGE_ROOT, 'factories', 'lessons.yaml')): Promise<Seed[]> {
  return z.array(seed).parse(parse(await readFile(file, 'utf8'), { maxAliasCount: 0 }));
}

/**
 * Adds those of the shipped lessons that the store never had, whatever became of the others; a newer Millwright
 * brings its new ones. Any number of processes may do it at once. Returns how many were added.
 */
export async function sowLessons(store: Pick<Store, 'db' | 'transaction'>, now: number): Promise<number> {
  if ((await sown(store.db)).size >= SHIPPED) return 0;
  const seeds = await readSeeds();
  return store.transaction(async (tx) => {
    await lockInLine(tx, 'lessons');
    const wanted = missing(seeds, await sown(tx));
    for (const { id, errors, paths, commands, ...says } of wanted) {
      await insertLesson(tx, {
        ...says,
        paths: JSON.stringify(paths),
        commands: JSON.stringify(commands),
        signatures: JSON.stringify(errors.map(errorSignature)),
        evidence: JSON.stringify([evidenceOf(id)]),
        origin: 'seed',
        trust: 'own',
        agent: 'millwright',
        role: 'millwright',
        session: null,
        task: null,
        created_at: now,
      });
    }
    return wanted.length;
  });
}

const evidenceOf = (id: string) => `seed:${id}`;

const missing = (seeds: readonly Seed[], known: ReadonlySet<string>) =>
  seeds.filter(({ id }) => !known.has(evidenceOf(id)));

async function sown(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('lessons').select('evidence').where('origin', '=', 'seed').execute();
  return new Set(rows.flatMap(({ evidence }) => JSON.parse(evidence) as string[]));
}
