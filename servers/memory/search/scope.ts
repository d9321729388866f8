import { type Expression, expressionBuilder, type SqlBool } from 'kysely';
import type { Factory } from '../../core/factory/definition.ts';
import { readableBy } from '../../core/memory/visible.ts';
import type { Row, Schema } from '../../core/store/schema.ts';

/** Which entries a search looks at. */
export interface Scope {
  /** Whose eyes it looks with; without it every entry is seen, which is for the person at the command line only. */
  readonly reader?: { readonly factory: Factory; readonly agent: string; readonly role: string };
  readonly kind?: Row<'memories'>['kind'] | undefined;
  /** An agent or a role: only entries of theirs. */
  readonly of?: string | undefined;
  /** Also those that were superseded or are over. */
  readonly history?: boolean | undefined;
}

/** The scope as a condition of a query over `memories`. */
export function within({ reader, kind, of, history }: Scope): Expression<SqlBool> {
  const eb = expressionBuilder<Schema, 'memories'>();
  const all: Expression<SqlBool>[] = [];
  if (reader) all.push(readableBy(reader.factory, reader)(eb));
  if (kind) all.push(eb('memories.kind', '=', kind));
  if (of) all.push(eb.or([eb('memories.agent', '=', of), eb('memories.role', '=', of)]));
  if (!history) all.push(eb('memories.valid_to', 'is', null));
  return eb.and(all);
}
