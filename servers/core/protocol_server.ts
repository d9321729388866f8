import {
  type JSONRPCRequest,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  type Result,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { ToolError } from './errors.ts';

type Params = Record<string, unknown>;
type Handler = (request: JSONRPCRequest, context: ServerContext) => Promise<Result>;

/** A schema that takes every params: for a handler that looks at them itself. */
export const UNCHECKED = {
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
export class ProtocolServer extends Server {
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
