import type { Applied } from './factory/applied.ts';
import type { Session } from './identity.ts';
import { appendLast } from './record.ts';
import type { Services } from './services.ts';
import type { Tx } from './store/store.ts';
import type { AnyTool, Call } from './tool.ts';

interface Handling {
  tools: ReadonlyMap<string, AnyTool>;
  services: Services;
  session: Session;
  applied: Applied;
  signal: AbortSignal;
}

/**
 * Runs a tool for a caller who may, and records what it did: in the tool's own transaction, or as intent and outcome
 * around one that acts outside the store.
 */
export async function handle(
  tool: AnyTool,
  input: never,
  { tools, services, session, applied, signal }: Handling,
): Promise<Record<string, unknown>> {
  let subject = '';
  const shared = {
    session,
    factory: applied.factory,
    pipelines: applied.pipelines,
    words: applied.words,
    tools,
    services,
    now: services.clock.now(),
    signal,
    about(text: string) {
      subject = text;
    },
  };
  const entry = (event: string, body: unknown) => ({
    at: services.clock.now(),
    session: session.id,
    agent: session.agent,
    role: session.role,
    event,
    tool: tool.name,
    subject,
    body,
  });
  const apart: Call = {
    ...shared,
    db: services.store.db,
    transaction: (work) => services.store.transaction(work),
    get tx(): never {
      throw new Error(`${tool.name} has no transaction of its own.`);
    },
  };
  if (tool.effect === 'read') return tool.handler(input, apart);
  if (!tool.outside) {
    return services.store.transaction(async (tx: Tx) => {
      const inside: Call = { ...shared, db: tx, tx, transaction: (work) => work(tx) };
      const output = await tool.handler(input, inside);
      await appendLast(services.store, tx, entry('call', { input, output }));
      return output;
    });
  }
  await services.store.transaction((tx) => appendLast(services.store, tx, entry('intent', { input })));
  const output = await tool.handler(input, apart);
  await services.store.transaction((tx) => appendLast(services.store, tx, entry('outcome', { output })));
  return output;
}
