import { roleFor } from '../servers/core/factory/parse.ts';
import type { Pipeline, Step } from '../servers/core/factory/pipeline.ts';
import { pipelineId } from '../servers/core/ids.ts';
import { figuresOf } from '../servers/core/memory/figures.ts';
import { wordsInForce } from '../servers/core/memory/role_words.ts';
import { append } from '../servers/core/record.ts';
import type { Services } from '../servers/core/services.ts';
import { sha256Hex } from '../servers/core/signing/canonical.ts';
import type { AnyTool } from '../servers/core/tool.ts';
import { refuseIfFull } from '../servers/tasks/limits.ts';
import { addRound } from '../servers/tasks/pipelines.ts';
import { insertPipeline } from '../servers/tasks/pipelines_queries.ts';
import { TRIAL_TASKS, WORDS } from '../servers/tasks/words.ts';
import { CommandError, EXIT } from './failures.ts';
import { evidenceText } from './learning_evidence.ts';
import { countOfAll, gatherFailures, openWordsRun, wordsSince } from './learning_queries.ts';

export interface Learning {
  role: string;
  failures: number;
  pipeline: number | null;
  why: string;
}

const EVIDENCE = 'evidence';

/**
 * Starts the pipeline `words` for one role, with everything that went against it since its words last changed as
 * its evidence. Starts nothing, and says why, when nothing did, a trial is on, or such a pipeline runs already.
 */
export async function beginLearning(
  services: Services,
  tools: ReadonlyMap<string, AnyTool>,
  role: string,
): Promise<Learning> {
  const { store, clock } = services;
  const { factory, pipelines, words: written } = await services.factory();
  const definition = pipelines.get(WORDS);
  if (!definition) {
    throw new CommandError(
      'NO_PIPELINE',
      'The factory in force has no pipeline "words".',
      'Add it to `pipelines` in the factory file, then `millwright factory apply`.',
      EXIT.notSetUp,
    );
  }
  const { since, isOnTrial } = await wordsSince(store.db, role);
  const failures = await gatherFailures(store.db, role, since);
  const count = countOfAll(failures);
  const nothing = (why: string): Learning => ({ role, failures: count, pipeline: null, why });
  if (isOnTrial) return nothing(`its words are on trial until ${TRIAL_TASKS} tasks have ended`);
  if (count === 0) return nothing('nothing went against it since its words last changed');
  const running = await openWordsRun(store.db, role);
  if (running !== undefined) return nothing(`${pipelineId(running)} runs already`);

  const words = await wordsInForce(store.db, written, role);
  const figures = await figuresOf(store.db, role, TRIAL_TASKS);
  const body = evidenceText({ role, words, may: factory.roles[role]?.may ?? [], tools, figures, failures });
  const own = withoutSelfJudgement(definition, (step) => roleFor(factory, step.role) === role);
  const now = clock.now();
  const pipeline = await store.transaction(async (tx) => {
    await refuseIfFull(tx, factory, own.phases.flatMap(({ steps }) => steps).length);
    const run = await insertPipeline(tx, {
      name: WORDS,
      request: requestFor(role, count),
      definition: JSON.stringify(own),
      createdBy: 'human',
      now,
    });
    await tx
      .insertInto('artifacts')
      .values({
        task: null,
        pipeline: run.id,
        name: EVIDENCE,
        media: 'text/markdown',
        digest: sha256Hex(body),
        size: Buffer.byteLength(body),
        body,
        session: 'server',
        agent: 'server',
        root: 'server',
        fence: null,
        created_at: now,
      })
      .execute();
    await addRound({ tx, factory, run, round: 1, createdBy: 'human', now }, own.phases);
    await append(store, tx, {
      at: now,
      session: 'human:cli',
      agent: 'human',
      role: 'human',
      event: 'words.asked',
      subject: `pipeline:${run.id}`,
      body: { role, failures: count, evidence: sha256Hex(body) },
    });
    return run.id;
  });
  return { role, failures: count, pipeline, why: 'proposed, then reviewed, then on trial' };
}

/** `openWordsRun` finds the pipeline of a role by how its request begins. */
const requestFor = (role: string, count: number) =>
  `Words of ${role}: propose a change that answers the ${count} failures in the evidence.`;

/**
 * Nobody judges words of their own role: where the role would accept them, it proposes them, and who would have
 * proposed accepts. Every step reads the evidence.
 */
function withoutSelfJudgement(definition: Pipeline, isOwn: (step: Step) => boolean): Pipeline {
  const steps = definition.phases.flatMap((phase) => phase.steps);
  const author = steps.find(({ writes }) => writes.includes(WORDS));
  const judge = steps.find(({ accepts }) => accepts.includes(WORDS));
  const swaps = author && judge && isOwn(judge);
  const roleOf = (step: Step) => {
    if (!swaps) return step.role;
    return step.id === author.id ? judge.role : step.id === judge.id ? author.role : step.role;
  };
  const phases = definition.phases.map((phase) => ({
    ...phase,
    steps: phase.steps.map((step) => ({ ...step, role: roleOf(step), reads: [EVIDENCE, ...step.reads] })),
  }));
  return { ...definition, phases };
}
