import { randomUUID } from 'node:crypto';
import { type ErrorCode, ToolError } from './errors.ts';
import type { Applied } from './factory/applied.ts';
import { wouldUnsignedFileGrant } from './factory/unsigned.ts';
import { type Caller, type Session, whoCalls } from './identity.ts';
import { CAPABILITIES, isGranted } from './permissions.ts';
import { append } from './record.ts';
import { recordRefusal } from './refusals.ts';
import type { Services } from './services.ts';
import type { Tx } from './store/store.ts';
import type { AnyTool, Call, FleetServer } from './tool.ts';

/** Hosts cut longer answers, in silence. */
const LONGEST_ANSWER = 10_000;
/** Hosts give up on slower tools. */
const SLOWEST_ANSWER_MS = 45_000;
/** An agent's own words come back in it: a key it made up, for example. */
const LONGEST_FAULT = 200;

/** A success also as its JSON `text`. */
export type Answer =
  | { ok: true; value: Record<string, unknown>; text: string }
  | { ok: false; error: ToolError };

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
  try {
    const { caller, applied } = await identify(services, sessionId);
    session = caller.session;
    if (caller.refusal) throw caller.refusal;
    const tool = await permitted(tools, services, applied, session, request.name);
    const input = validated(tool, request.arguments);
    const value = await inTime(handle(tool, input, { services, session, applied, signal: request.signal }));
    return { ok: true, ...presentable(tool, value) };
  } catch (thrown) {
    const error = thrown instanceof ToolError ? thrown : incident(services, thrown);
    if (error.cause !== undefined) services.log(`${request.name}: ${String(error.cause)}`);
    if (session)
      await recordRefusal(services, session, request.name, ruleOf(error), error).catch((e) =>
        services.log(String(e)),
      );
    return { ok: false, error };
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

function validated(tool: AnyTool, given: unknown): never {
  const parsed = tool.input.safeParse(given ?? {});
  const odd = parsed.success ? unstorable(parsed.data) : undefined;
  if (parsed.success && odd === undefined) return parsed.data as never;
  const form = Object.entries(tool.input.shape).map(([key, value]) =>
    value.safeParse(undefined).success ? `${key} (optional)` : key,
  );
  const faults = parsed.success
    ? [`${odd}: has a NUL or half of a surrogate pair, which no text has`]
    : parsed.error.issues
        .slice(0, 5)
        .map((issue) => `${issue.path.join('.') || 'arguments'}: ${issue.message}`.slice(0, LONGEST_FAULT));
  throw new ToolError(
    'INVALID_INPUT',
    `${faults.join('; ')}.`,
    form.length > 0
      ? `Call ${tool.name} again; its arguments are ${form.join(', ')}.`
      : `Call ${tool.name} again without arguments.`,
    { rule: 'input.invalid' },
  );
}

/** The first argument with text that one of the databases refuses or changes; undefined when there is none. */
function unstorable(input: Record<string, unknown>): string | undefined {
  const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0');
  for (const [argument, value] of Object.entries(input)) {
    const open: unknown[] = [value];
    while (open.length > 0) {
      const next = open.pop();
      if (typeof next === 'string' && !isStorable(next)) return argument;
      if (typeof next === 'object' && next !== null) {
        for (const [key, inner] of Object.entries(next)) open.push(key, inner);
      }
    }
  }
  return undefined;
}

interface Handling {
  services: Services;
  session: Session;
  applied: Applied;
  signal: AbortSignal;
}

async function handle(
  tool: AnyTool,
  input: never,
  { services, session, applied, signal }: Handling,
): Promise<Record<string, unknown>> {
  let subject = '';
  const now = services.clock.now();
  const base = {
    session,
    factory: applied.factory,
    pipelines: applied.pipelines,
    services,
    now,
    signal,
    about(text: string) {
      subject = text;
    },
    get tx(): never {
      throw new Error(`${tool.name} has no transaction of its own.`);
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
  const transaction: Call['transaction'] = (work) => services.store.transaction(work);

  const apart = Object.assign(base, { db: services.store.db, transaction });
  if (tool.effect === 'read') return tool.handler(input, apart);
  if (!tool.outside) {
    return services.store.transaction(async (tx: Tx) => {
      const inside: Call = {
        session,
        factory: base.factory,
        pipelines: base.pipelines,
        services,
        now,
        signal,
        about: base.about,
        db: tx,
        tx,
        transaction: (work) => work(tx),
      };
      const output = await tool.handler(input, inside);
      await append(services.store, tx, entry('call', { input, output }));
      return output;
    });
  }
  await services.store.transaction((tx) => append(services.store, tx, entry('intent', { input })));
  const output = await tool.handler(input, apart);
  await services.store.transaction((tx) => append(services.store, tx, entry('outcome', { output })));
  return output;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), SLOWEST_ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const tooSlow = () =>
  new ToolError(
    'LIMIT',
    'The call took longer than a host waits.',
    'Look at what it did with task_show before you call again.',
    { rule: 'limit.time' },
  );

function presentable(tool: AnyTool, given: Record<string, unknown>) {
  const value: Record<string, unknown> = tool.output.parse(given);
  const text = JSON.stringify(value);
  if (text.length > LONGEST_ANSWER) {
    throw new ToolError(
      'LIMIT',
      `The answer is longer than ${LONGEST_ANSWER} characters.`,
      'Ask for less: a lower limit, or one item at a time.',
      {
        rule: 'limit.size',
      },
    );
  }
  return { value, text };
}

function incident(services: Services, thrown: unknown): ToolError {
  const number = randomUUID().slice(0, 8);
  services.log(
    `incident ${number}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
  );
  return new ToolError(
    'INTERNAL',
    `Unexpected failure, incident ${number}.`,
    'Do not repeat the call; name the incident number in task_block.',
    {
      rule: 'internal',
    },
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
