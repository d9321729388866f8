import { openRunSession } from '../../hosts/run/session.ts';
import { answerCall } from '../../servers/core/call.ts';
import { endSession } from '../../servers/core/identity.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { AnyTool } from '../../servers/core/tool.ts';
import { CommandError } from '../failures.ts';

const SESSION_MS = 60_000;

/**
 * Starts a pipeline as the factory's lead would, in a session of its own that ends with it; the record says that a
 * person asked for it. Returns its number. Throws what the lead's call is refused with.
 */
export async function beginPipeline(
  services: Services,
  tools: ReadonlyMap<string, AnyTool>,
  name: string,
  request: string,
): Promise<number> {
  const { factory } = await services.factory();
  const agent = factory.roles[factory.lead]?.agents[0] ?? factory.lead;
  const { id, enrolment } = await openRunSession(services, { id: 0, agent }, SESSION_MS);
  try {
    const answer = await answerCall(tools, services, id, {
      name: 'pipeline_start',
      arguments: { pipeline: name, request },
      signal: AbortSignal.timeout(SESSION_MS),
    });
    if (!answer.ok) throw new CommandError(answer.error.code, answer.error.message, answer.error.remedy);
    const number = Number(String(answer.value.pipeline).slice(2));
    await services.store.transaction((tx) =>
      append(services.store, tx, {
        at: services.clock.now(),
        ...{ session: 'server', agent: 'operator', role: 'operator' },
        event: 'pipeline.requested',
        subject: `pipeline:${number}`,
        why: 'by a person, with `millwright run`',
      }),
    );
    return number;
  } finally {
    await services.store.transaction(async (tx) => {
      const now = services.clock.now();
      await endSession(tx, id, now);
      await tx.updateTable('enrolments').set({ revoked_at: now }).where('id', '=', enrolment).execute();
    });
  }
}
