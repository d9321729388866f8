import { readDefinition } from '../../servers/core/factory/create.ts';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { parseDefinition } from '../../servers/core/factory/parse.ts';
import { describeTool } from '../../servers/core/mcp.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import type { AnyTool } from '../../servers/core/tool.ts';
import { inputSchemaOf } from '../../servers/core/tool_schema.ts';
import { loadServer, SERVER_NAMES } from '../../servers/fleet.ts';

/** A node of a JSON schema, as far as tools use them. */
export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  maxLength?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  required?: string[];
}

export interface FleetTool {
  server: string;
  tool: AnyTool;
  /** All that the server checks of its input. */
  takes: Schema;
  /** As `tools/list` shows it. */
  shown: Omit<ReturnType<typeof describeTool>, 'inputSchema'> & { inputSchema: Schema };
}

/** Every tool of every server, in the order of the servers. */
export async function fleetTools(): Promise<FleetTool[]> {
  const servers = await Promise.all(SERVER_NAMES.map(loadServer));
  return servers.flatMap(({ name, tools }) =>
    tools.map((tool) => ({
      server: name,
      tool,
      takes: inputSchemaOf(tool.input) as Schema,
      shown: describeTool(tool) as FleetTool['shown'],
    })),
  );
}

/** A shipped factory. */
export async function shippedFactory(preset: string): Promise<Factory> {
  return parseDefinition(await readDefinition(preset)).factory;
}

/** The tools that a role of a factory sees. */
export function toolsOf(factory: Factory, role: string, tools: readonly FleetTool[]): FleetTool[] {
  const may = factory.roles[role]?.may ?? [];
  return tools.filter(({ tool }) => isGranted(may, tool.needs));
}

/** All nodes of a schema with their paths, `criteria[]` being the items of `criteria`. */
export function nodesOf(schema: Schema, path = ''): { path: string; schema: Schema }[] {
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(
      ([key, value]) => [path ? `${path}.${key}` : key, value] as const,
    ),
    ...(schema.items ? [[`${path}[]`, schema.items] as const] : []),
    ...(typeof schema.additionalProperties === 'object'
      ? [[`${path}.*`, schema.additionalProperties] as const]
      : []),
    ...(schema.propertyNames ? [[`${path}.<key>`, schema.propertyNames] as const] : []),
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].map(
      (value) => [path, value] as const,
    ),
  ];
  return [{ path, schema }, ...inner.flatMap(([at, value]) => nodesOf(value, at))];
}
