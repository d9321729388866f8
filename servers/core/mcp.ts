import {
  createMcpHandler,
  type JSONRPCRequest,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  type Result,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { type StdioServerHandle, StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Answer } from './answers.ts';
import type { Connection } from './connection.ts';
import { ToolError } from './errors.ts';
import type { Relay, Way } from './relay.ts';
import type { AnyTool } from './tool.ts';
import { inputSchemaOf, schemaForHost } from './tool_schema.ts';
import { VERSION } from './version.ts';

/** Largest message taken from a host, over any transport. */
export const LARGEST_MESSAGE = 1_000_000;

const INSTRUCTIONS =
  'Millwright runs a software factory and holds you to your role. Begin with task_checkout; its brief is all you need. ' +
  'A refusal names the rule and what to do next: follow it, do not work around it.';

/** What answers anything after `initialize`: too much to load before it. */
let loadedCalls: typeof import('./call.ts') | undefined;
const calls = async () => (loadedCalls ??= await import('./call.ts'));
const reading = () => import('./reading.ts');

/**
 * Serves one connection over stdio; `connect` opens the session when the host first asks for something, so
 * that `initialize` is answered before anything heavy is loaded.
 *
 * @param take gets every message of the host first: it gives it to `pass`, or calls `answer` with its answer
 */
export function serveMcpOverStdio(
  connect: () => Promise<Connection>,
  onerror: (error: Error) => void,
  take: Relay<Way>['take'],
): StdioServerHandle {
  const transport = new StdioServerTransport();
  const handle = serveStdio(() => mcpServer(connect), { onerror, transport });
  const pass = transport.onmessage;
  const answer = (message: object) => void transport.send(message as never).catch(onerror);
  transport.onmessage = (message) => take(message, (passed) => pass?.(passed), answer);
  return handle;
}

/** Serves Streamable HTTP; `connect` finds the session of a request by its bearer token. */
export function mcpHttpHandler(
  connect: (token: string) => Promise<Connection>,
  onerror: (error: Error) => void,
) {
  return createMcpHandler(({ authInfo }) => mcpServer(() => connect(authInfo?.token ?? '')), {
    onerror,
    maxRequestBodySize: LARGEST_MESSAGE,
  });
}

function mcpServer(connect: () => Promise<Connection>): Server {
  const server = new ProtocolServer(
    { name: 'millwright', version: VERSION },
    { capabilities: { tools: {}, prompts: {}, resources: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler('tools/list', async () => {
    const { fleet, services, session } = await connect();
    const { visibleTools } = await calls();
    return { tools: (await visibleTools(fleet, services, session)).map(describeTool) };
  });
  server.setRequestHandler('tools/call', { params: UNCHECKED }, async (params, { mcpReq }) => {
    const request = callOf(params);
    let answer: Answer;
    try {
      const { fleet, services, session, touch } = await connect();
      touch();
      const { answerCall } = await calls();
      answer = await answerCall(fleet, services, session, { ...request, signal: mcpReq.signal });
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      answer = { ok: false, error };
    }
    return render(answer);
  });
  server.setRequestHandler('prompts/list', async () => ({
    prompts: await (await reading()).listPrompts(await connect()),
  }));
  server.setRequestHandler('prompts/get', async ({ params }) =>
    (await reading()).getPrompt(await connect(), params.name, params.arguments ?? {}),
  );
  server.setRequestHandler('resources/list', async () => ({
    resources: await (await reading()).listResources(await connect()),
  }));
  server.setRequestHandler('resources/templates/list', async () => ({
    resourceTemplates: [
      { uriTemplate: 'millwright://artifact/{id}', name: 'artifact', description: 'One artifact, whole.' },
    ],
  }));
  server.setRequestHandler('resources/read', async ({ params }) =>
    (await reading()).readResource(await connect(), params.uri),
  );
  return server;
}

type Params = Record<string, unknown>;
type Handler = (request: JSONRPCRequest, context: ServerContext) => Promise<Result>;

/** A schema that takes every params: for a handler that looks at them itself. */
const UNCHECKED = {
  '~standard': {
    version: 1,
    vendor: 'millwright',
    types: undefined as { input: Params; output: Params } | undefined,
    validate: (value: unknown) => ({ value: value as Params }),
  },
} as const;

/**
 * The SDK's server, in two things otherwise. It checks no call and no result of `tools/call`: the SDK does so three
 * times, which takes as long as a read of the store. And a `ToolError` of any other request becomes the protocol's
 * error with its whole text: what is not there has code -32602, everything else -32603.
 */
class ProtocolServer extends Server {
  protected override _wrapHandler(method: string, handler: Handler): Handler {
    if (method === 'tools/call') return handler;
    const wrapped = super._wrapHandler(method, handler);
    return async (request, context) => {
      try {
        return await wrapped(request, context);
      } catch (error) {
        throw error instanceof ToolError ? asProtocolError(error, request) : error;
      }
    };
  }
}

function asProtocolError(error: ToolError, { method, params }: JSONRPCRequest): ProtocolError {
  if (error.code !== 'NOT_FOUND') return new ProtocolError(ProtocolErrorCode.InternalError, error.render());
  return method === 'resources/read'
    ? new ResourceNotFoundError(String(params?.uri), error.render())
    : new ProtocolError(ProtocolErrorCode.InvalidParams, error.render());
}

/** Which tool is called with what. Throws the protocol's error for a call that names none. */
function callOf(params: Record<string, unknown> = {}) {
  const { name, arguments: given = {} } = params;
  if (typeof name === 'string' && typeof given === 'object' && given !== null && !Array.isArray(given)) {
    // As the SDK's own schema does it: this key is no argument of anything.
    const { ['__proto__']: _, ...rest } = given as Record<string, unknown>;
    return { name, arguments: rest };
  }
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    'Invalid tools/call request: it needs a name, and arguments as an object.',
  );
}

/** What a host sees of a tool. No output schema: it costs every agent tokens, and no host gives it to its model. */
export function describeTool(tool: AnyTool) {
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: schemaForHost(inputSchemaOf(tool.input)) as { type: 'object' },
    annotations: {
      readOnlyHint: tool.effect === 'read',
      destructiveHint: tool.effect === 'destructive',
      openWorldHint: false,
    },
  };
}

/** Failures are text only: a 1.x client throws on structured content that does not fit an output schema. */
function render(answer: Answer) {
  if (!answer.ok) return { isError: true, content: [{ type: 'text' as const, text: answer.error.render() }] };
  return {
    content: [{ type: 'text' as const, text: answer.text }],
    structuredContent: answer.value,
  };
}
