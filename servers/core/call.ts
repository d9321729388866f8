import { type Answer, beforeHostsGiveUp, incident, presentable } from './answers.ts';
import { type ErrorCode, ToolError } from './errors.ts';
import type { Applied } from './factory/applied.ts';
import { wouldUnsignedFileGrant } from './factory/unsigned.ts';
import { handle } from './handling.ts';
import { type Caller, type Session, whoCalls } from './identity.ts';
import { orAfter } from './in_time.ts';
import { withLesson } from './memory/refused.ts';
import { CAPABILITIES, isGranted } from './permissions.ts';
import { recordRefusal } from './refusals.ts';
import type { Services } from './services.ts';
import { storeFault } from './store/faults.ts';
import type { AnyTool, FleetServer } from './tool.ts';
import { validated } from './validation.ts';

/** A refusal is answered after this even if the store cannot take it into the record yet. */
const LONGEST_RECORDING_MS = 3000;

/** All tools of the given servers by name, in a stable order. Throws when two tools share a name. */
export function catalogue(servers: readonly FleetServer[]): ReadonlyMap<string, AnyTool> {
  const tools = servers.flatMap((server) => server.tools).sort((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  if (byName.size !== tools.length) throw new Error('Two tools share a name.');
  return byName;
}

/** The tools that the caller's role may call: what `tools/list` shows. */
export async function visibleTools(
  tools: ReadonlyMap<string, AnyTool>,
  services: Services,
  sessionId: string,
): Promise<AnyTool[]> {
  const { caller, applied } = await identify(services, sessionId);
  if (caller.refusal) throw caller.refusal;
  const grants = applied.factory.roles[caller.session.role]?.may ?? [];
  return [...tools.values()].filter((tool) => isGranted(grants, tool.needs));
}

/**
 * The way every call goes: who? may? valid? handler, record. Never throws: what an agent may know of a failure
 * is in the answer, the rest goes to the operator's log under an incident number.
 */
export async function answerCall(
  tools: ReadonlyMap<string, AnyTool>,
  services: Services,
  sessionId: string,
  request: { name: string; arguments: unknown; signal: AbortSignal },
): Promise<Answer> {
  let session: Session | undefined;
  const run = async () => {
    const { caller, applied } = await identify(services, sessionId);
    session = caller.session;
    if (caller.refusal) throw caller.refusal;
    const tool = await permitted(tools, services, applied, session, request.name);
    const input = validated(tool, request.arguments);
    const value = await handle(tool, input, { tools, services, session, applied, signal: request.signal });
    return presentable(tool, value);
  };
  try {
    return { ok: true, ...(await beforeHostsGiveUp(run())) };
  } catch (thrown) {
    const fault = storeFault(thrown);
    const error = fault instanceof ToolError ? fault : incident(services, thrown);
    if (error.cause !== undefined) services.log(`${request.name}: ${String(error.cause)}`);
    let told = error;
    if (session) {
      const recorded = recordRefusal(services, session, request.name, ruleOf(error), error).then(async () => {
        told = await withLesson(services.store.db, ruleOf(error), error);
      });
      await orAfter(
        LONGEST_RECORDING_MS,
        recorded.catch((e) => services.log(String(e))),
      );
    }
    return { ok: false, error: told };
  }
}

async function identify(
  services: Services,
  sessionId: string,
): Promise<{ caller: Caller; applied: Applied }> {
  const caller = await whoCalls(services.store.db, sessionId, services.clock.now());
  return { caller, applied: await services.factory(caller.factoryVersion) };
}

async function permitted(
  tools: ReadonlyMap<string, AnyTool>,
  services: Services,
  applied: Applied,
  session: Session,
  name: string,
) {
  const tool = tools.get(name);
  if (!tool) {
    throw new ToolError(
      'NOT_FOUND',
      `There is no tool ${name.slice(0, 80)}.`,
      'Use the tools that tools/list shows; there are no others.',
      {
        rule: 'tool.unknown',
      },
    );
  }
  const role = applied.factory.roles[session.role];
  if (role?.agents.includes(session.agent) && isGranted(role.may, tool.needs)) return tool;
  if (await wouldUnsignedFileGrant(services.paths.definition, session.role, tool.needs)) {
    throw new ToolError(
      'FORBIDDEN',
      `The factory file grants ${session.role} ${tool.needs}, but no human has signed that change.`,
      'A human applies it with `millwright factory apply`; until then work within the rights you have.',
      { rule: 'factory.unsigned' },
    );
  }
  throw new ToolError(
    'FORBIDDEN',
    `The role ${session.role} may not ${CAPABILITIES[tool.needs]} (${tool.needs}).`,
    'Leave it to the role that may: say what you need in task_block or in your artifact.',
    { rule: 'capability' },
  );
}

const RULE_OF: Record<ErrorCode, string> = {
  INVALID_INPUT: 'input.invalid',
  NOT_FOUND: 'not-found',
  FORBIDDEN: 'forbidden',
  CONFLICT: 'conflict',
  LEASE_LOST: 'lease.lost',
  GATE_CLOSED: 'gate.open',
  LIMIT: 'limit',
  UPSTREAM: 'upstream',
  INTERNAL: 'internal',
};
const ruleOf = (error: ToolError) => error.rule ?? RULE_OF[error.code];
