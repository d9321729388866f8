import type { Definition } from '../../servers/core/factory/parse.ts';
import { roleWords } from '../../servers/core/factory/parse.ts';
import type { Step } from '../../servers/core/factory/pipeline.ts';
import { describeTool } from '../../servers/core/mcp.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import type { AnyTool } from '../../servers/core/tool.ts';
import type { RoleWords } from '../../servers/core/words.ts';
import { likeness } from './likeness.ts';
import { countInstructions } from './measure.ts';
import { namedTools, type Sentence } from './remedies.ts';
import { neededFor, stepsGivenTo, stepsWrittenFor } from './steps.ts';

/** The most that a role may cost: tokens, instructions of its heaviest brief, and how alike two souls may be. */
export const MOST = {
  tools: 3_000,
  brief: 2_200,
  prompt: 900,
  soul: 450,
  instructions: 40,
  alike: 0.5,
} as const;

/** What one role of a factory reads, in tokens and instructions. */
export interface RoleFigures {
  readonly role: string;
  /** How many tools it sees, and what their names, descriptions and inputs take. */
  readonly tools: number;
  readonly toolTokens: number;
  /** Its heaviest brief without memory, lessons and inputs: soul, prompt, and the texts of one step. */
  readonly brief: number;
  readonly prompt: number;
  readonly soul: number;
  /** Instructions of that brief; each criterion and each stop condition is one. */
  readonly instructions: number;
}

export interface Audit {
  readonly factory: string;
  readonly roles: readonly RoleFigures[];
  /** The two souls that are most alike, by `likeness`. */
  readonly alike: { readonly roles: readonly [string, string]; readonly likeness: number } | undefined;
  /** Pairs of roles of which one's soul names the other. */
  readonly conflicts: readonly (readonly [string, string])[];
  /** One sentence each; empty when the words hold. */
  readonly findings: readonly string[];
}

export interface Means {
  readonly tools: readonly AnyTool[];
  /** Tokens of a text. */
  readonly count: (text: string) => number;
  /** Of the servers' sources, where there are any. */
  readonly sentences: readonly Sentence[] | undefined;
}

/** Measures the words of every role of a factory and says what is wrong with them. */
export function auditWords(definition: Definition, means: Means): Audit {
  const { factory } = definition;
  const audited = Object.keys(factory.roles).map((role) => auditRole(definition, role, means));
  const souls = audited.map(({ figures: { role }, words }) => ({ role, soul: words.soul }));
  const pairs = pairsOf(souls).map(([one, other]) => ({
    roles: [one.role, other.role] as const,
    likeness: likeness(one.soul, other.soul),
  }));
  const alike = pairs.toSorted((one, other) => other.likeness - one.likeness)[0];
  const conflicts = pairsOf(souls).flatMap(([one, other]) =>
    names(one.soul, other.role) || names(other.soul, one.role) ? [[one.role, other.role] as const] : [],
  );
  return {
    factory: factory.factory,
    roles: audited.map(({ figures }) => figures),
    alike,
    conflicts,
    findings: [
      ...audited.flatMap(({ figures: { role }, faults }) => faults.map((fault) => `${role}: ${fault}`)),
      ...pairs
        .filter((pair) => pair.likeness > MOST.alike)
        .map(
          ({ roles, likeness: value }) =>
            `${roles.join(' and ')}: their souls are too alike (${value.toFixed(2)})`,
        ),
      ...(conflicts.length === 0 && souls.length > 1 ? ['no soul names a role it disagrees with'] : []),
    ],
  };
}

function auditRole(definition: Definition, role: string, means: Means) {
  const { tools, count, sentences = [] } = means;
  const words = roleWords(definition.words, role);
  const may = definition.factory.roles[role]?.may ?? [];
  const own = tools.filter(({ needs }) => isGranted(may, needs));
  const steps = stepsGivenTo(definition, role);
  const figures: RoleFigures = {
    role,
    tools: own.length,
    toolTokens: own.reduce((sum, tool) => sum + count(shownTo(tool)), 0),
    brief: Math.max(...[undefined, ...steps].map((step) => count(briefText(words, step)))),
    prompt: count(words.prompt),
    soul: count(words.soul),
    instructions:
      countInstructions(words.prompt) +
      countInstructions(words.soul) +
      Math.max(0, ...steps.map(({ criteria, stops }) => criteria.length + stops.length)),
  };
  const faults = [
    ...overBudget(figures),
    ...faultsOfTools(words, tools, own),
    ...faultsOfSteps(definition, role, words),
    ...faultsOfSentences(sentences, own, steps),
  ];
  return { figures, words, faults };
}

/** A tool as a host gives it to its model. */
function shownTo(tool: AnyTool): string {
  const { name, description, inputSchema } = describeTool(tool);
  return JSON.stringify({ name, description, inputSchema });
}

const briefText = ({ soul, prompt }: RoleWords, step: Step | undefined): string =>
  JSON.stringify({
    ...(step && {
      title: step.title,
      description: step.description,
      criteria: step.criteria,
      stops: step.stops,
      leaves: step.writes,
      closes: step.closes,
    }),
    soul,
    prompt,
  });

const overBudget = ({ toolTokens, brief, prompt, soul, instructions }: RoleFigures): string[] =>
  Object.entries({ tools: toolTokens, brief, prompt, soul, instructions })
    .filter(([what, value]) => value > MOST[what as keyof typeof MOST])
    .map(([what, value]) => `${what} ${value}, at most ${MOST[what as keyof typeof MOST]}`);

function faultsOfTools(words: RoleWords, tools: readonly AnyTool[], own: readonly AnyTool[]): string[] {
  const has = new Set(own.map(({ name }) => name));
  const exists = new Set(tools.map(({ name }) => name));
  return namedTools(`${words.prompt}\n${words.soul}`)
    .filter((name) => !has.has(name))
    .map((name) =>
      exists.has(name)
        ? `its words name ${name}, which it may not call`
        : `its words name ${name}, which is no tool`,
    );
}

function faultsOfSteps(definition: Definition, role: string, words: RoleWords): string[] {
  const may = definition.factory.roles[role]?.may ?? [];
  const steps = stepsWrittenFor(definition, role);
  const differ = (said: readonly string[], done: readonly string[]) =>
    unique(said).join() !== unique(done).join() && `[${unique(done).join(', ')}]`;
  const reads = differ(
    words.reads,
    steps.flatMap((step) => [...step.reads, ...step.accepts]),
  );
  const produces = differ(
    words.produces,
    steps.flatMap((step) => step.writes),
  );
  return [
    ...(reads ? [`its prompt's "reads" are not what the pipelines give it: ${reads}`] : []),
    ...(produces ? [`its prompt's "produces" are not what the pipelines ask of it: ${produces}`] : []),
    ...stepsGivenTo(definition, role).flatMap((step) =>
      neededFor(step)
        .filter((capability) => !isGranted(may, capability))
        .map((capability) => `step "${step.id}" needs ${capability}, which it is not granted`),
    ),
  ];
}

/** What `task_complete` asks because of a step, it asks only of a role that has such a step. */
const ASKED_BY_STEP: Readonly<Record<string, (step: Step) => boolean>> = {
  artifact_review: ({ accepts }) => accepts.length > 0,
  checkpoint_request: ({ checkpoint }) => checkpoint !== undefined,
};

function faultsOfSentences(sentences: readonly Sentence[], own: readonly AnyTool[], steps: readonly Step[]) {
  const has = new Set(own.map(({ name }) => name));
  return sentences
    .filter(({ from }) => from.some((tool) => has.has(tool)))
    .flatMap(({ at, names: named, from }) => {
      const asks = (name: string) => (from.join() === 'task_complete' ? ASKED_BY_STEP[name] : undefined);
      const isAsked = (name: string) => {
        const doesAsk = asks(name);
        return doesAsk === undefined || steps.some(doesAsk);
      };
      return named
        .filter((name) => !has.has(name) && isAsked(name))
        .map((name) => `${at} tells it to use ${name}, which it may not call`);
    });
}

const unique = (items: readonly string[]) => [...new Set(items)].sort();

const pairsOf = <T>(items: readonly T[]): [T, T][] =>
  items.flatMap((one, at) => items.slice(at + 1).map((other): [T, T] => [one, other]));

/** Whether a text speaks of a role, by its name or in two words. */
const names = (text: string, role: string): boolean =>
  new RegExp(`\\b${role.replaceAll('-', '[- ]')}(?:'s)?\\b`, 'i').test(text);
