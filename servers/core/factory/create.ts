import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { exists, replaceFile } from '../files.ts';
import { hashToken, newToken } from '../identity.ts';
import { append } from '../record.ts';
import type { Services } from '../services.ts';
import { PACKAGE_ROOT } from '../version.ts';
import { wordsPaths } from '../words.ts';
import { definitionDigest } from './applied.ts';
import { type Definition, type DefinitionFiles, parseDefinition } from './parse.ts';

/** The presets that ship. */
export const PRESETS = ['solo', 'c-suite'] as const;

/**
 * Reads a preset by name, or a factory file with what lies beside it: `pipelines/` (shipped ones where there is none),
 * and the `prompts/` and `souls/` of its roles.
 */
export async function readDefinition(nameOrFile: string): Promise<DefinitionFiles> {
  const shipped = join(PACKAGE_ROOT, 'factories');
  const isPreset = (PRESETS as readonly string[]).includes(nameOrFile);
  const file = isPreset ? join(shipped, `${nameOrFile}.yaml`) : nameOrFile;
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Error(
      `There is no factory file ${file}. Name one of ${PRESETS.join(', ')}, or the path of a factory file.`,
    );
  });
  const files: Record<string, string> = { 'factory.yaml': text };
  const named = namesIn(text);
  for (const path of isPreset ? [] : named.roles.flatMap(wordsPaths)) {
    const own = join(file, '..', path);
    if (await exists(own)) files[path] = await readFile(own, 'utf8');
  }
  for (const name of named.pipelines) {
    const own = join(isPreset ? shipped : join(file, '..'), 'pipelines', `${name}.yaml`);
    const path = (await exists(own)) ? own : join(shipped, 'pipelines', `${name}.yaml`);
    if (await exists(path)) files[`pipelines/${name}.yaml`] = await readFile(path, 'utf8');
  }
  return files;
}

/** Writes the definition below the factory's folder, where humans edit it; servers never act on these files. */
export async function writeDefinition(home: string, files: DefinitionFiles): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, path)), { recursive: true, mode: 0o700 });
    await writeFile(join(home, path), text, { mode: 0o600 });
  }
}

/** Puts the first definition into force, unsigned: there is no human key yet. Does nothing when there is one. */
export async function applyFirstDefinition(
  services: Services,
  files: DefinitionFiles,
  assurance: string,
): Promise<Definition> {
  const definition = parseDefinition(files);
  const now = services.clock.now();
  await services.store.transaction(async (tx) => {
    if (await tx.selectFrom('factory_versions').select('id').limit(1).executeTakeFirst()) return;
    const digest = definitionDigest(files);
    await tx
      .insertInto('factory_versions')
      .values({
        digest,
        body: JSON.stringify(files),
        human: null,
        assurance,
        signature: null,
        applied_at: now,
      })
      .execute();
    await append(services.store, tx, {
      at: now,
      session: 'server',
      agent: 'server',
      role: 'server',
      event: 'factory.created',
      subject: `factory:${digest}`,
    });
  });
  return definition;
}

/**
 * Gives one agent a new enrolment and returns the path of its 0600 file; earlier ones stay valid until revoked.
 *
 * @param expiresAt milliseconds since 1970, or null for none
 * @param remote for an agent that cannot see the factory's home: the daemon's address, and the PEM of the authority
 *   behind its certificate when the agent's system does not know it. The file is then to be moved to that agent.
 */
export async function enrol(
  services: Services,
  agent: string,
  expiresAt: number | null = null,
  remote?: { url: string; ca?: string | undefined },
): Promise<string> {
  const { factory } = await services.factory();
  const known = Object.values(factory.roles).some((role) => role.agents.includes(agent));
  if (!known) throw new Error(`There is no agent "${agent}" in factory ${factory.factory}.`);
  const token = newToken();
  const id = randomUUID();
  const now = services.clock.now();
  await services.store.transaction(async (tx) => {
    await tx
      .insertInto('enrolments')
      .values({
        id,
        agent,
        token_hash: hashToken(token),
        created_at: now,
        expires_at: expiresAt,
        revoked_at: null,
      })
      .execute();
    await append(services.store, tx, {
      at: now,
      session: 'server',
      agent,
      role: 'server',
      event: 'agent.enrolled',
      subject: `enrolment:${id}`,
    });
  });
  await mkdir(services.paths.enrolments, { recursive: true, mode: 0o700 });
  const path = join(services.paths.enrolments, remote ? `${agent}.remote.json` : `${agent}.json`);
  const place = remote ?? { home: services.paths.home };
  const content = { factory: factory.factory, ...place, agent, token };
  await replaceFile(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
}

/** The names that lead to further files; none for a file that is no YAML: `parseDefinition` then says where it is broken. */
function namesIn(text: string): { pipelines: string[]; roles: string[] } {
  try {
    const { pipelines, roles } = parse(text, { maxAliasCount: 0, logLevel: 'silent' }) ?? {};
    return { pipelines: namesOf(pipelines), roles: namesOf(Object.keys(roles ?? {})) };
  } catch {
    return { pipelines: [], roles: [] };
  }
}

const isName = (name: unknown): name is string =>
  typeof name === 'string' && /^[a-z][a-z0-9-]{0,39}$/.test(name);
const namesOf = (names: unknown) => (Array.isArray(names) ? names.filter(isName) : []);
