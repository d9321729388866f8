import Database from 'better-sqlite3';
import pg from 'pg';
import { onTestFinished, vi } from 'vitest';

/** What was really sent to a database, each text once, with the values it was sent with first. */
export type Statements = Map<string, readonly unknown[]>;

/** Listens at the drivers, below everything of ours, until the test ends. Begin before the store is opened. */
export function listen(): Statements {
  const heard: Statements = new Map();
  const hear = (text: string, values: readonly unknown[]) => {
    if (/^\s*(select|insert|update|delete|with)\b/i.test(text) && !heard.has(text)) heard.set(text, values);
  };
  const prepare = Database.prototype.prepare;
  const spies = [
    vi.spyOn(Database.prototype, 'prepare').mockImplementation(function (this: Database.Database, text) {
      const statement = prepare.call(this, text);
      for (const way of ['all', 'run', 'get', 'iterate'] as const) {
        const real = statement[way].bind(statement) as (...given: unknown[]) => unknown;
        Object.defineProperty(statement, way, {
          value(...given: unknown[]) {
            hear(text, given.flat());
            return real(...given);
          },
        });
      }
      return statement;
    }),
  ];
  const query = pg.Client.prototype.query;
  const listening = vi.spyOn(pg.Client.prototype, 'query');
  listening.mockImplementation(function (this: pg.Client, ...given: unknown[]) {
    const [first, values] = given as [string | { text: string; values?: unknown[] }, unknown[] | undefined];
    if (typeof first === 'string') hear(first, Array.isArray(values) ? values : []);
    else if (typeof first?.text === 'string') hear(first.text, first.values ?? []);
    return (query as (...all: unknown[]) => unknown).apply(this, given) as never;
  } as never);
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
    listening.mockRestore();
  });
  return heard;
}
