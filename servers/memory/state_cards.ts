import { hashToken, roleOf } from '../core/identity.ts';
import type { Services } from '../core/services.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import { stateCard } from './card.ts';
import { saveCard, sessionOfHost } from './queries.ts';

/** Something a host says of a run: which agent's, in which of the host's own sessions, and when. */
export interface HostEvent {
  agent: string;
  /** The host's own id of the session. */
  hostSession: string;
  event: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** By which the same event of the same host session is known again. */
export const cardId = ({ agent, hostSession, event }: HostEvent) =>
  sha256Hex(`${agent}\n${hostSession}\n${event}`).slice(0, 32);

/** The card of an agent as the store has it now, for whichever of its sessions the host runs. */
export async function cardFor(services: Services, { agent, hostSession }: HostEvent) {
  const root = `host:${hashToken(hostSession).slice(0, 32)}`;
  const session = await sessionOfHost(services.store.db, agent, root);
  const { factory } = await services.factory();
  const role = roleOf(factory, agent);
  const standing = { agent, role: role ?? 'unknown', now: services.clock.now() };
  const held = { session: session?.id ?? null, task: session?.task ?? null, fence: session?.fence ?? null };
  return { ...held, body: await stateCard(services.store.db, { ...standing, ...held }) };
}

/** Keeps where a session stood at an event: one card an event and host session, the newest. */
export async function keepCard(services: Services, event: HostEvent): Promise<void> {
  const { session, task, body } = await cardFor(services, event);
  await services.store.transaction((tx) =>
    saveCard(tx, {
      id: cardId(event),
      agent: event.agent,
      session: session ?? '',
      task,
      body,
      created_at: event.at,
    }),
  );
}
