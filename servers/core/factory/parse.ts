import { LineCounter, parseDocument, visit } from 'yaml';
import type * as z from 'zod';
import { ownWords, type RoleWords, readRole, wordsPaths } from '../words.ts';
import { type Factory, factorySchema } from './definition.ts';
import { type Pipeline, pipelineSchema } from './pipeline.ts';
import { hostOf } from './runs.ts';

/** The files that define a factory, by their path below the factory folder. What a human signs is all of them. */
export type DefinitionFiles = Readonly<Record<string, string>>;

/** A definition that cannot be used: the message names file, line and what to write instead. */
export class DefinitionError extends Error {
  constructor(file: string, line: number, what: string) {
    super(`${file}:${line}: ${what}`);
    this.name = 'DefinitionError';
  }
}

export interface Definition {
  factory: Factory;
  pipelines: ReadonlyMap<string, Pipeline>;
  /** The words of the roles that have files of their own in the factory's folder; the others' words are the shipped ones. */
  words: OwnWords;
}

/** What a factory's own files make of its roles' words, by role. */
export type OwnWords = ReadonlyMap<string, RoleWords>;

/** Parses and checks all files of a factory; throws `DefinitionError` at the first fault. */
export function parseDefinition(files: DefinitionFiles): Definition {
  const factory = parseFile('factory.yaml', files['factory.yaml'], factorySchema);
  checkRoles(factory.value, factory.lineOf);
  const pipelines = new Map<string, Pipeline>();
  for (const name of factory.value.pipelines) {
    const file = `pipelines/${name}.yaml`;
    const parsed = parseFile(file, files[file], pipelineSchema);
    if (parsed.value.pipeline !== name) {
      throw new DefinitionError(
        file,
        parsed.lineOf(['pipeline']),
        `says "${parsed.value.pipeline}"; write "pipeline: ${name}".`,
      );
    }
    checkPipeline(file, parsed.value, factory.value, parsed.lineOf);
    pipelines.set(name, parsed.value);
  }
  return { factory: factory.value, pipelines, words: wordsIn(files, factory.value) };
}

/** The words a role has before any trial: the factory's own, else the shipped ones. Throws when it has neither. */
export const roleWords = (own: OwnWords, role: string): RoleWords => own.get(role) ?? readRole(role);

/** Throws `DefinitionError` for the first role that has no words: its agents could not be given a brief. */
export function requireWords({ factory, words }: Definition): void {
  for (const role of Object.keys(factory.roles)) {
    try {
      roleWords(words, role);
    } catch {
      const [prompt, soul] = wordsPaths(role);
      throw new DefinitionError(
        prompt,
        1,
        `is missing: the role "${role}" has no words; write it, and ${soul} beside it.`,
      );
    }
  }
}

function wordsIn(files: DefinitionFiles, factory: Factory): OwnWords {
  const own = new Map<string, RoleWords>();
  for (const role of Object.keys(factory.roles)) {
    try {
      const words = ownWords(role, files);
      if (words) own.set(role, words);
    } catch (error) {
      const path = wordsPaths(role).find((name) => files[name] !== undefined) ?? '';
      throw new DefinitionError(path, 1, error instanceof Error ? error.message : String(error));
    }
  }
  return own;
}

/** The factory's own role that does what a pipeline gives to `name`; undefined when there is none. */
export function roleFor(factory: Factory, name: string): string | undefined {
  const role = factory.roles[name] ? name : factory.stands_in[name];
  return role !== undefined && factory.roles[role] ? role : undefined;
}

/** A brief holds both lists of a step whole, beside the words of the role, in one answer. */
export const LONGEST_LISTS = 2_500;

type LineOf = (path: readonly PropertyKey[]) => number;

function parseFile<T extends z.ZodType>(
  file: string,
  text: string | undefined,
  schema: T,
): { value: z.output<T>; lineOf: LineOf } {
  if (text === undefined)
    throw new DefinitionError(file, 1, 'is missing; add it, or take its name out of "pipelines".');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken) throw new DefinitionError(file, lines.linePos(broken.pos[0]).line, firstLine(broken.message));
  const lineOf: LineOf = (path) => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true);
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      if (range) return lines.linePos(range[0]).line;
    }
    return 1;
  };
  visit(document, {
    Alias(_, { source, range }) {
      const { line } = lines.linePos(range?.[0] ?? 0);
      throw new DefinitionError(file, line, `the alias *${source} is not allowed; write the value out.`);
    },
  });
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return { value: parsed.data, lineOf };
  const issue = parsed.error.issues[0];
  const path = issue?.path ?? [];
  const unknown = issue?.code === 'unrecognized_keys' ? [...path, issue.keys[0] ?? ''] : path;
  throw new DefinitionError(
    file,
    lineOf(unknown),
    `${path.join('.') || 'the file'}: ${issue?.message ?? 'not understood'}${fixOf(issue)}.`,
  );
}

const fixOf = (issue: z.core.$ZodIssue | undefined) =>
  issue?.code === 'unrecognized_keys' ? '; correct its name or take it out' : '';

function checkRoles(factory: Factory, lineOf: LineOf): void {
  const wrong = (path: PropertyKey[], what: string): never => {
    throw new DefinitionError('factory.yaml', lineOf(path), what);
  };
  const names = Object.keys(factory.roles).join(', ');
  if (!factory.roles[factory.lead])
    wrong(['lead'], `lead "${factory.lead}" is no role; use one of ${names}.`);
  const seen = new Map<string, string>();
  for (const [name, role] of Object.entries(factory.roles)) {
    for (const agent of role.agents) {
      const other = seen.get(agent);
      if (other)
        wrong(
          ['roles', name, 'agents'],
          `agent "${agent}" is already in role "${other}"; one agent has one role.`,
        );
      seen.set(agent, name);
    }
    for (const recalled of role.recalls) {
      if (!factory.roles[recalled])
        wrong(['roles', name, 'recalls'], `"${recalled}" is no role; use one of ${names}.`);
    }
    for (const { host } of [role, ...role.fallback]) {
      if (host !== undefined && !hostOf(factory.hosts, host))
        wrong(['roles', name], `host "${host}" is not described; add it to hosts.`);
    }
    for (const spawned of role.spawns) {
      if (!factory.roles[spawned])
        wrong(['roles', name, 'spawns'], `"${spawned}" is no role; use one of ${names}.`);
    }
  }
  for (const [from, to] of Object.entries(factory.stands_in)) {
    if (!factory.roles[to]) wrong(['stands_in', from], `"${to}" is no role; use one of ${names}.`);
  }
}

function checkPipeline(file: string, pipeline: Pipeline, factory: Factory, lineOf: LineOf): void {
  const written = new Set<string>();
  const ids = new Set<string>();
  const phases: string[] = [];
  for (const [p, phase] of pipeline.phases.entries()) {
    const wrong = (path: PropertyKey[], what: string): never => {
      throw new DefinitionError(file, lineOf(['phases', p, ...path]), what);
    };
    // Going on to a later phase would pass the gates between.
    phases.push(phase.id);
    if (!['drop', 'rollback', ...phases].includes(phase.on_failure)) {
      wrong(
        ['on_failure'],
        `on_failure "${phase.on_failure}" is no phase up to here; use drop, rollback or one of ${phases.join(', ')}.`,
      );
    }
    const before = new Set<string>();
    for (const [s, step] of phase.steps.entries()) {
      const at = (...path: PropertyKey[]) => ['steps', s, ...path];
      if (ids.has(step.id)) wrong(at('id'), `step "${step.id}" stands twice; ids are unique in a pipeline.`);
      ids.add(step.id);
      if (!roleFor(factory, step.role))
        wrong(at('role'), `role "${step.role}" is not in the factory; add it to roles or to stands_in.`);
      for (const earlier of step.after) {
        if (!before.has(earlier)) wrong(at('after'), `"${earlier}" is no earlier step of this phase.`);
      }
      if (JSON.stringify([step.criteria, step.stops]).length > LONGEST_LISTS)
        wrong(
          at('criteria'),
          `criteria and stops are longer than ${LONGEST_LISTS} characters; shorten them.`,
        );
      for (const artifact of [...step.reads, ...step.accepts]) {
        if (!written.has(artifact)) wrong(at('reads'), `no earlier step writes "${artifact}".`);
      }
      for (const artifact of step.writes) written.add(artifact);
      const subject = step.checkpoint?.artifact;
      if (subject && !written.has(subject))
        wrong(at('checkpoint'), `no step up to here writes "${subject}".`);
      before.add(step.id);
    }
  }
}

const firstLine = (text: string) => text.split('\n')[0] ?? text;
