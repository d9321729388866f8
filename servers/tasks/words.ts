import { roleFor, roleWords } from '../core/factory/parse.ts';
import type { Step } from '../core/factory/pipeline.ts';
import { definitionOf } from '../core/factory/steps.ts';
import type { HeldTask } from '../core/held.ts';
import { artifactId } from '../core/ids.ts';
import { figuresOf, isWorse } from '../core/memory/figures.ts';
import { wordsInForce } from '../core/memory/role_words.ts';
import { isGranted } from '../core/permissions.ts';
import { append } from '../core/record.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { hasUnseen, MOST_BYTES, parseWords, type WordsFile } from '../core/words.ts';
import { latestArtifacts } from './artifacts_queries.ts';
import type { Requirement } from './requirements.ts';
import { endTrial, insertTrial, replaceEarlier, trialOf } from './words_queries.ts';

/** The pipeline whose artifact is a role's new prompt or soul, and that artifact. */
export const WORDS = 'words';
/**
 * Tasks after which a trial ends, and tasks before it that it is compared with: enough that three setbacks more are
 * seldom chance, and as few as a small factory does in a week.
 */
export const TRIAL_TASKS = 10;

type Run = Pick<Row<'pipelines'>, 'id' | 'name' | 'definition'>;

/** Why the words that a step leaves or accepts cannot come into force; empty when they can, or when it is about none. */
export async function wordsRequirement(
  call: Call,
  run: Run,
  step: Step,
  task: HeldTask,
): Promise<Requirement[]> {
  if (run.name !== WORDS || ![...step.writes, ...step.accepts].includes(WORDS)) return [];
  const artifact = await newestWords(call, run);
  if (!artifact) return [];
  const fault = await wordsFault(call, run, artifact.body);
  const isAuthor = artifact.task === task.id;
  return fault === undefined
    ? []
    : [
        {
          state: 'open',
          why: `${artifactId(artifact.id)}: ${fault}`,
          remedy: isAuthor
            ? `Leave a corrected one with artifact_put, named "${WORDS}".`
            : 'Reject it with artifact_review, saying so.',
        },
      ];
}

/** What keeps a text from being the words of a role; undefined when nothing does. */
async function wordsFault(call: Call, run: Run, text: string): Promise<string | undefined> {
  const { tx, factory, tools } = call;
  let words: WordsFile;
  try {
    words = parseWords(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { part, role, body } = words;
  const may = factory.roles[role]?.may;
  if (!may) return `the factory has no role ${role}`;
  if (judgesOf(call, run).includes(role)) return `${role} would judge its own words`;
  if (Buffer.byteLength(text) > MOST_BYTES[part]) return `a ${part} has at most ${MOST_BYTES[part]} bytes`;
  if (hasUnseen(text)) return 'it holds characters that nobody sees';
  const named = [...new Set(body.match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? [])];
  const lacking = named.filter((name) => {
    const tool = tools.get(name);
    return !tool || !isGranted(may, tool.needs);
  });
  if (lacking.length > 0) return `${role} has no ${lacking.join(', ')}`;
  const written = roleWords(call.words, role);
  const isSame = (one: readonly string[], other: readonly string[]) =>
    one.toSorted().join() === other.toSorted().join();
  if (part === 'prompt' && !(isSame(words.reads, written.reads) && isSame(words.produces, written.produces)))
    return 'reads and produces belong to the pipelines and stay as they are';
  const inForce = await wordsInForce(tx, call.words, role);
  if (inForce[part] === body) return 'these are the words in force';
  const trial = await trialOf(tx, role);
  return trial && `other words of ${role} are on trial until ${TRIAL_TASKS} of its tasks have ended`;
}

/** The roles whose step accepts the words. */
const judgesOf = ({ factory }: Call, run: Run) =>
  definitionOf(run)
    .phases.flatMap(({ steps }) => steps)
    .filter(({ accepts }) => accepts.includes(WORDS))
    .map(({ role }) => roleFor(factory, role));

async function newestWords({ tx }: Pick<Call, 'tx'>, run: Run) {
  const [artifact] = await latestArtifacts(tx, { pipeline: run.id, task: 0 }, [WORDS]);
  return artifact;
}

/** Accepted words come into force, on trial; `wordsRequirement` has found nothing against them in this transaction. */
export async function beginTrial(call: Call, run: Run, step: Step, task: HeldTask): Promise<void> {
  if (run.name !== WORDS || !step.accepts.includes(WORDS)) return;
  const { tx, services, session, now } = call;
  const artifact = await newestWords(call, run);
  if (!artifact) return;
  const { role, part, body } = parseWords(artifact.body);
  const before = await figuresOf(tx, role, TRIAL_TASKS);
  const { id } = await insertTrial(tx, {
    role,
    part,
    body,
    digest: sha256Hex(artifact.body),
    task: task.id,
    author: artifact.agent,
    reviewer: session.agent,
    before: JSON.stringify(before),
    from_at: now,
  });
  await append(
    services.store,
    tx,
    entry(call, 'words.trial', id, { role, part, artifact: artifact.digest, before }),
  );
}

/**
 * Ends the trial of a role's words once enough of its tasks have ended that began under them: kept, or rolled back
 * when the tasks went worse than the last before it by more than chance.
 */
export async function judgeTrial(call: Call, role: string): Promise<void> {
  const { tx, services, now } = call;
  const trial = await trialOf(tx, role);
  if (!trial) return;
  const after = await figuresOf(tx, role, TRIAL_TASKS, trial.from_at);
  if (after.tasks < TRIAL_TASKS) return;
  const before = JSON.parse(trial.before) as typeof after;
  const state = isWorse(before, after) ? 'rolled-back' : 'kept';
  if (!(await endTrial(tx, trial.id, { state, after: JSON.stringify(after), now }))) return;
  if (state === 'kept') await replaceEarlier(tx, trial, now);
  const { part } = trial;
  await append(services.store, tx, entry(call, `words.${state}`, trial.id, { role, part, before, after }));
}

const entry = ({ now }: Call, event: string, id: number, body: unknown) => ({
  at: now,
  session: 'server',
  agent: 'server',
  role: 'server',
  event,
  subject: `words:${id}`,
  body,
});
