import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Definition, parseDefinition } from '../../servers/core/factory/parse.ts';
import { CAPABILITIES, type Capability, isGranted } from '../../servers/core/permissions.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** File names without their ending, of the files in `folder` that have it. */
export function namesIn(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => basename(file, ending))
    .sort();
}

/** What each tool needs, read from the tool files themselves. Throws when a file does not say it, or none was found. */
export function toolNeeds(): ReadonlyMap<string, Capability> {
  const files = readdirSync(join(ROOT, 'servers'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^[a-z]+\/tools\/[^/]+\.ts$/.test(file),
  );
  if (files.length === 0) throw new Error('No tool file was found under servers/*/tools/.');
  return new Map(files.map((file) => readTool(file)));
}

function readTool(file: string): [string, Capability] {
  const text = readFileSync(join(ROOT, 'servers', file), 'utf8');
  const name = /\bname: '([a-z_]+)'/.exec(text)?.[1];
  const needs = /\bneeds: '([a-z:]+)'/.exec(text)?.[1];
  if (name !== basename(file, '.ts')) throw new Error(`${file} declares the name ${name}.`);
  if (needs === undefined || !(needs in CAPABILITIES)) throw new Error(`${file} declares no capability.`);
  return [name, needs as Capability];
}

/** Beside the factories lie the lessons they begin with. */
const isFactory = (name: string) => name !== 'lessons';

/** The shipped factories by name, each with its pipelines, checked as a server checks them. */
export function shippedFactories(): ReadonlyMap<string, Definition> {
  const pipelines = Object.fromEntries(
    namesIn('factories/pipelines', '.yaml').map((name) => [
      `pipelines/${name}.yaml`,
      read(`factories/pipelines/${name}.yaml`),
    ]),
  );
  return new Map(
    namesIn('factories', '.yaml')
      .filter(isFactory)
      .map((name) => [
        name,
        parseDefinition({ 'factory.yaml': read(`factories/${name}.yaml`), ...pipelines }),
      ]),
  );
}

/** The tools that a role may call in one factory. */
export function toolsOf(
  { factory }: Definition,
  role: string,
  needs: ReadonlyMap<string, Capability>,
): Set<string> {
  const may = factory.roles[role]?.may ?? [];
  return new Set([...needs].filter(([, capability]) => isGranted(may, capability)).map(([tool]) => tool));
}

export const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
