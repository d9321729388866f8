import type { ToolError } from './errors.ts';
import type { Session } from './identity.ts';
import { appendLast, storable } from './record.ts';
import type { Services } from './services.ts';

/**
 * Records a refusal in a transaction of its own. The same session running into the same rule at the same tool
 * is counted, and enters the record again only when the count reaches a power of ten: an agent that hammers a
 * closed door must not fill the record.
 */
export async function recordRefusal(
  services: Services,
  session: Pick<Session, 'id' | 'agent' | 'role'>,
  tool: string,
  rule: string,
  error: ToolError,
): Promise<void> {
  const now = services.clock.now();
  const name = storable(tool.slice(0, 80));
  await services.store.transaction(async (tx) => {
    const { count } = await tx
      .insertInto('refusals')
      .values({ session: session.id, tool: name, rule, count: 1, seq: 0 })
      .onConflict((at) =>
        at
          .columns(['session', 'tool', 'rule'])
          .doUpdateSet((eb) => ({ count: eb('refusals.count', '+', 1) })),
      )
      .returning('count')
      .executeTakeFirstOrThrow();
    if (!/^10*$/.test(String(count))) return;
    await appendLast(services.store, tx, {
      at: now,
      session: session.id,
      agent: session.agent,
      role: session.role,
      event: 'refused',
      tool: name,
      rule,
      code: error.code,
      why: error.message,
      body: { count },
    });
  });
}
