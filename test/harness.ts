import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Clock } from '../servers/core/clock.ts';
import { applyFirstDefinition, enrol, readDefinition } from '../servers/core/factory/create.ts';
import type { DefinitionFiles } from '../servers/core/factory/parse.ts';
import { serveHttp } from '../servers/core/http.ts';
import { openServices } from '../servers/core/open.ts';
import type { Services } from '../servers/core/services.ts';
import { loadFleet } from '../servers/fleet.ts';
import { newLocation } from './store/stores.ts';

/** A clock that only a test moves. */
export class TestClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  now() {
    return this.#now;
  }
  advance(ms: number) {
    this.#now += ms;
  }
}

export interface Result {
  isError: boolean;
  /** What the model reads. */
  text: string;
  /** The structured answer; only there when it is no error. */
  value: Record<string, never>;
}

export interface Agent {
  readonly name: string;
  readonly client: Client;
  call(tool: string, args?: Record<string, unknown>): Promise<Result>;
  /** The answer of a call that must succeed. */
  ok<T = Record<string, never>>(tool: string, args?: Record<string, unknown>): Promise<T>;
}

export interface TestFactory {
  readonly home: string;
  readonly services: Services;
  readonly clock: TestClock;
  /** A new session of this agent, over real HTTP with a real client. */
  agent(name: string): Promise<Agent>;
}

export interface FactoryOptions {
  preset?: string;
  /** Changes the parsed factory.yaml before it is applied. */
  change?: (factory: Record<string, never>) => void;
  /** Definitions that stand for the shipped ones of the same name. */
  pipelines?: Readonly<Record<string, unknown>>;
  servers?: readonly string[];
  databaseUrl?: string | undefined;
  /** Real time instead of a clock the test moves. */
  realTime?: boolean;
  /**
   * Whether sessions must write memory before they hand in, as in the shipped presets. Off by default: a test that is
   * not about memory then completes its tasks without it.
   */
  remembers?: boolean;
  /** Gets every line of the operator's log. */
  log?: (line: string) => void;
}

/** A fresh factory in a folder of its own, served in this process; everything ends with the test. */
export async function startFactory(options: FactoryOptions = {}): Promise<TestFactory> {
  const home = await mkdtemp(join(tmpdir(), 'millwright-test-'));
  const clock = new TestClock();
  const fleet = await loadFleet(options.servers);
  const services = await openServices(home, {
    ...(!options.realTime && { clock }),
    databaseUrl: options.databaseUrl ?? (await databaseOfRun()),
    jobs: fleet.jobs,
    sessionOpened: fleet.sessionOpened,
    log: options.log ?? ((line) => process.env.DEBUG && process.stderr.write(`${line}\n`)),
  });
  await applyFirstDefinition(
    services,
    changed(await readDefinition(options.preset ?? 'c-suite'), options),
    'initial',
  );
  const server = await serveHttp({ services, fleet: fleet.tools });
  const clients: Client[] = [];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.close();
    await services.close();
    await rm(home, { recursive: true, force: true });
  });

  return {
    home,
    services,
    clock,
    async agent(name) {
      const { token: enrolment } = JSON.parse(await readFile(await enrol(services, name), 'utf8')) as {
        token: string;
      };
      const answer = await fetch(`${server.url}/session`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${enrolment}` },
      });
      const { token } = (await answer.json()) as { token: string };
      const client = new Client({ name: 'test', version: '1.0.0' });
      const requestInit = { headers: { Authorization: `Bearer ${token}` } };
      await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), { requestInit }));
      clients.push(client);
      return agentOver(name, client);
    },
  };
}

/** Wraps any connected client, whatever its transport. */
function agentOver(name: string, client: Client): Agent {
  const call = async (tool: string, args: Record<string, unknown> = {}): Promise<Result> => {
    const result = await client.callTool({ name: tool, arguments: args });
    const [first] = result.content;
    const text = first?.type === 'text' ? first.text : '';
    return {
      isError: result.isError === true,
      text,
      value: (result.structuredContent ?? {}) as Record<string, never>,
    };
  };
  return {
    name,
    client,
    call,
    async ok<T>(tool: string, args: Record<string, unknown> = {}) {
      const result = await call(tool, args);
      if (result.isError) throw new Error(`${name} ${tool}: ${result.text}`);
      return result.value as T;
    },
  };
}

/** In the run on PostgreSQL every factory has a database of its own; in the other one a file. */
function databaseOfRun(): Promise<string> | undefined {
  return process.env.TEST_STORE === 'postgres' ? newLocation('postgres') : undefined;
}

function changed(
  files: DefinitionFiles,
  { change, pipelines = {}, remembers = false }: FactoryOptions,
): DefinitionFiles {
  const own = Object.entries(pipelines).map(([name, text]) => [`pipelines/${name}.yaml`, stringify(text)]);
  const factory = parse(files['factory.yaml'] ?? '');
  factory.memory = { ...factory.memory, required: remembers };
  change?.(factory);
  return { ...files, ...Object.fromEntries(own), 'factory.yaml': stringify(factory) };
}
