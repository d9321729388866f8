import type { Connection } from './connection.ts';
import { ToolError } from './errors.ts';
import { roleWords } from './factory/parse.ts';
import { whoCalls } from './identity.ts';
import { wordsInForce } from './memory/role_words.ts';
import { isGranted } from './permissions.ts';

const ROLE_URI = /^millwright:\/\/role\/([a-z][a-z0-9-]{0,39})\/(soul|prompt)$/;
const ARTIFACT_URI = /^millwright:\/\/artifact\/([0-9]{1,15})$/;
const MEMORY_URI = /^millwright:\/\/memory\/([a-z][a-z0-9-]{0,39})$/;
const PIPELINE_URI = /^millwright:\/\/pipeline\/([a-z][a-z0-9-]{0,39})$/;

/** The prompts a host can offer: the caller's own role and the roles it may have run. */
export async function listPrompts(connection: Connection) {
  const { role, factory, words } = await reader(connection);
  const names = [role, ...(factory.roles[role]?.spawns ?? [])];
  return names.map((name) => ({
    name,
    description: roleWords(words, name).description,
    arguments: [{ name: 'request', description: 'What you want, in one or two sentences.', required: false }],
  }));
}

/** A role's soul and prompt, with the request behind them, as the first message of a session. */
export async function getPrompt(connection: Connection, name: string, given: Record<string, string>) {
  const known = (await listPrompts(connection)).some((prompt) => prompt.name === name);
  if (!known) throw notFound(`prompt ${name.slice(0, 80)}`, 'prompts/list shows the prompts there are.');
  const { words } = await reader(connection);
  const { soul, prompt, description } = await wordsInForce(connection.services.store.db, words, name);
  const request = given.request?.slice(0, 8000).trim();
  const text = [soul, prompt, ...(request ? [`The request, from the human:\n\n${request}`] : [])].join(
    '\n\n',
  );
  return { description, messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] };
}

export async function listResources(connection: Connection) {
  const { agent, role, factory, pipelines } = await reader(connection);
  const remembers = isGranted(factory.roles[role]?.may ?? [], 'memory:own');
  return [
    { uri: `millwright://role/${role}/soul`, name: `${role} soul`, mimeType: 'text/markdown' },
    { uri: `millwright://role/${role}/prompt`, name: `${role} prompt`, mimeType: 'text/markdown' },
    ...(remembers
      ? [{ uri: `millwright://memory/${agent}`, name: `${agent} memory`, mimeType: 'text/markdown' }]
      : []),
    ...[...pipelines.keys()].map((name) => ({
      uri: `millwright://pipeline/${name}`,
      name: `${name} pipeline`,
      mimeType: 'application/json',
    })),
  ];
}

export async function readResource(connection: Connection, uri: string) {
  const { agent, role, factory, pipelines, words } = await reader(connection);
  const contents = (text: string, mimeType: string) => ({ contents: [{ uri, mimeType, text }] });

  const asked = ROLE_URI.exec(uri);
  if (asked?.[1] === role) {
    const inForce = await wordsInForce(connection.services.store.db, words, role);
    return contents(inForce[asked[2] === 'soul' ? 'soul' : 'prompt'], 'text/markdown');
  }

  const pipeline = pipelines.get(PIPELINE_URI.exec(uri)?.[1] ?? '');
  if (pipeline) return contents(JSON.stringify(pipeline, null, 2), 'application/json');

  if (MEMORY_URI.exec(uri)?.[1] === agent && isGranted(factory.roles[role]?.may ?? [], 'memory:own')) {
    const file = await connection.services.store.db
      .selectFrom('memory_files')
      .select('body')
      .where('agent', '=', agent)
      .executeTakeFirst();
    return contents(file?.body ?? '', 'text/markdown');
  }

  const artifact = ARTIFACT_URI.exec(uri)?.[1];
  if (artifact && isGranted(factory.roles[role]?.may ?? [], 'task:read')) {
    const row = await connection.services.store.db
      .selectFrom('artifacts')
      .select(['body', 'media'])
      .where('id', '=', Number(artifact))
      .executeTakeFirst();
    if (row) return contents(row.body, row.media);
  }
  throw notFound('resource', 'resources/list shows what there is.');
}

async function reader({ services, session }: Connection) {
  const caller = await whoCalls(services.store.db, session, services.clock.now());
  if (caller.refusal) throw caller.refusal;
  const { factory, pipelines, words } = await services.factory(caller.factoryVersion);
  return { agent: caller.session.agent, role: caller.session.role, factory, pipelines, words };
}

const notFound = (what: string, remedy: string) =>
  new ToolError('NOT_FOUND', `There is no such ${what}.`, remedy);
