import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import type { Factory } from '../factory/definition.ts';
import type { Row, Schema } from '../store/schema.ts';

interface Reader {
  agent: string;
  role: string;
}

/** The roles whose memory this role may read, besides its own agent's. */
const recalledRoles = (factory: Factory, role: string): readonly string[] =>
  factory.roles[role]?.recalls ?? [];

/** Whether somebody may read an entry: their own, and what the roles they recall did not keep to themselves. */
export const mayRead = (
  factory: Factory,
  reader: Reader,
  entry: Pick<Row<'memories'>, 'agent' | 'role' | 'private'>,
): boolean =>
  entry.agent === reader.agent ||
  (entry.private === 0 && recalledRoles(factory, reader.role).includes(entry.role));

/** The same as a condition of a query over `memories`. */
export function readableBy(factory: Factory, reader: Reader) {
  const roles = recalledRoles(factory, reader.role);
  return (eb: ExpressionBuilder<Schema, 'memories'>): Expression<SqlBool> => {
    const own = eb('memories.agent', '=', reader.agent);
    if (roles.length === 0) return own;
    return eb.or([own, eb.and([eb('memories.private', '=', 0), eb('memories.role', 'in', roles)])]);
  };
}
