import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { definitionDigest } from '../../servers/core/factory/applied.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { parseDefinition } from '../../servers/core/factory/parse.ts';
import { headOfMain, openAuthority } from '../../servers/core/git/authority.ts';
import type { FactoryPaths } from '../../servers/core/paths.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { stopLocalRuntime } from '../../servers/core/target/local/local.ts';
import { reapLocalRuntime } from '../../servers/core/target/local/reap.ts';
import { EXIT, explain } from '../failures.ts';
import { activeHumans } from '../people_queries.ts';
import { storeFault } from '../store_queries.ts';
import { type Finding, fault, note, ok } from './finding.ts';

const KEEP = 'Stop the servers, keep the file as it is, and put back a copy that verifies.';

export async function checkStore(services: Services): Promise<Finding> {
  const found = await storeFault(services.store);
  if (found === undefined) return ok('store', `${services.store.dialect}, intact`);
  return fault('store', `damaged: ${found}`, KEEP, EXIT.damaged);
}

export async function checkRecord(services: Services): Promise<Finding> {
  const found = await verifyRecord(services.store.db);
  if (found.ok) return ok('record', `${found.entries} entries verify`);
  return fault('record', `does not verify at entry ${found.seq}: ${found.why}`, KEEP, EXIT.damaged);
}

/** The definition in force, whether the files differ from it, and what it sets that nothing holds yet. */
export async function checkDefinition(services: Services): Promise<Finding[]> {
  const applied = await services.factory();
  const models = Object.entries(applied.factory.roles).filter(([, role]) => role.model !== undefined);
  const unenforced = models.map(([role]) =>
    note(
      'settings',
      `roles.${role}.model is accepted but not enforced`,
      'Set the model in the host of that role.',
    ),
  );
  const inForce = ok('definition', `version ${applied.version} in force`);
  try {
    const files = await readDefinition(services.paths.definition);
    parseDefinition(files);
    if (definitionDigest(files) === applied.digest) return [inForce, ...unenforced];
    return [
      note(
        'definition',
        'the files were changed and are not in force',
        'Look at it with `millwright factory apply`.',
      ),
      ...unenforced,
    ];
  } catch (error) {
    const { message } = explain(error);
    return [
      fault('definition', message, 'Correct it; until then the definition in force stays.', EXIT.failed),
      ...unenforced,
    ];
  }
}

export async function checkHumans(services: Services): Promise<Finding> {
  const humans = await activeHumans(services.store.db);
  if (humans.length > 0)
    return ok('humans', humans.map(({ name, assurance }) => `${name} (${assurance})`).join(', '));
  return note(
    'humans',
    'nobody can sign a decision',
    'Run `millwright human add NAME` at your own terminal.',
  );
}

export async function checkMainline(services: Services): Promise<Finding> {
  try {
    return ok('mainline', await headOfMain(await openAuthority(services.paths.git)));
  } catch {
    return fault(
      'mainline',
      'the authority cannot be read',
      'Put back mainline.git from a copy or from the remote `factory` of a clone.',
      EXIT.damaged,
    );
  }
}

/** Enrolments and the factory's key must be readable by their owner only. */
export async function checkSecrets(services: Services): Promise<Finding> {
  const open: string[] = [];
  for (const folder of [services.paths.enrolments, services.paths.keys]) {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (entry.isFile() && ((await stat(path)).mode & 0o077) !== 0) open.push(path);
    }
  }
  if (open.length === 0) return ok('secrets', 'readable by their owner only');
  return fault('secrets', `others can read ${open.join(', ')}`, `chmod 600 ${open.join(' ')}`, EXIT.failed);
}

/** Ends the local runtimes of a factory, and what a runtime that died has left. */
export async function reapTargets({ targets }: FactoryPaths): Promise<void> {
  for (const name of await readdir(targets).catch(() => [])) {
    await stopLocalRuntime(join(targets, name));
    await reapLocalRuntime(join(targets, name));
  }
}
