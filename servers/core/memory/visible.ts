import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import type { Factory } from '../factory/definition.ts';
import type { Schema } from '../store/schema.ts';

interface Reader {
  agent: string;
  role: string;
}

/** The roles whose memory this role may read, besides its own agent's. */
const recalledRoles = (factory: Factory, role: string): readonly string[] =>
  factory.roles[role]?.recalls ?? [];

/**
 * Which entries somebody may read, as a condition of a query over `memories`: their own, and what the roles they
 * recall did not keep to themselves.
 */
export function readableBy(factory: Factory, reader: Reader) {
  const roles = recalledRoles(factory, reader.role);
  return (eb: ExpressionBuilder<Schema, 'memories'>): Expression<SqlBool> => {
    const own = eb('memories.agent', '=', reader.agent);
    if (roles.length === 0) return own;
    return eb.or([own, eb.and([eb('memories.private', '=', 0), eb('memories.role', 'in', roles)])]);
  };
}
