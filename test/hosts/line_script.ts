import type { Block, ModelRequest, Script } from './plan.ts';

interface Brief {
  task: string;
  title: string;
  leaves: string[];
  closes: string[];
  checkpoint: string | null;
  inputs: { artifact: string; name: string }[];
}

/** What qa_run answers when it is done. */
interface Suite {
  criteria: string[];
  checks: string[];
}

/** What one step of the model does with the results so far, newest last; as many as `says` has turns. */
type Say = (results: readonly string[]) => Block | Block[];

/**
 * Plays every role of a pipeline well: takes the task, does what its brief asks for with the tools of the role, hands it
 * in. `write` is the shell command with which the developer changes the product, in the clone.
 */
export const playsTheLine =
  (write: (brief: Brief) => string): Script =>
  (request) => {
    const results = request.turns.flatMap((turn) =>
      turn.from === 'user' ? turn.results.map(({ text }) => text) : [],
    );
    const say = tools(request);
    const { answers, wait } = waitedFor(results);
    if (wait) return [say.tool('task_wait', wait.startsWith('J') ? { job: wait } : { task: wait })];
    if (answers.length === 0) return [say.tool('task_checkout')];
    const brief = objectOf(answers[0] ?? '') as unknown as Brief;
    const step = stepsOf(brief, say, write)[answers.length - 1];
    return [step?.(answers) ?? { text: `${brief.task} is handed in.` }].flat();
  };

/**
 * The answers so far, with what a job came to in place of the job, and without refusals that named what to wait for:
 * such a step is done again. And what is still to be waited for. Tools answer with a job when they take longer than a
 * call may, as on a busy machine.
 */
function waitedFor(results: readonly string[]): { answers: string[]; wait: string | undefined } {
  const answers: string[] = [];
  let waits: string[] = [];
  let started: Started | undefined;
  for (const text of results) {
    const said: Started = (text.includes('{') && objectIn(text)) || {};
    if (said.about !== undefined && said.about === waits[0]) {
      if (said.still_waiting) continue;
      if (started) answers.push(JSON.stringify({ ...started, ...said.result }));
      started = undefined;
      waits.shift();
    } else if (said.job && (said.done === false || said.state === 'running')) {
      started = said;
      waits = [said.job];
    } else {
      waits = /Wait with task_wait for ((?:[TJ]-\d+(?:, )?)+)/.exec(text)?.[1]?.split(', ') ?? [];
      if (waits.length === 0) answers.push(text);
    }
  }
  return { answers, wait: waits[0] };
}

/** What a tool answers that started a job, and what task_wait answers about it. */
interface Started {
  job?: string;
  done?: boolean;
  state?: string;
  about?: string;
  still_waiting?: boolean;
  result?: object;
}

function stepsOf(
  brief: Brief,
  { tool, shell }: ReturnType<typeof tools>,
  write: (brief: Brief) => string,
): Say[] {
  const last = (results: readonly string[]) => results.at(-1) ?? '';
  const puts = brief.leaves.map(
    (name): Say =>
      () =>
        tool('artifact_put', { name, body: `# ${name}\n\nSums of three numbers.` }),
  );
  const steps: Say[] = [];
  if (brief.closes.includes('smoke')) {
    steps.push(
      () => tool('workspace_open'),
      (results) =>
        shell(
          `cd '${objectOf(last(results)).workspace}' && ${write(brief)} && git add -A && git commit -qm 'Sums of three' && echo commit-$(git rev-parse HEAD)`,
        ),
      (results) =>
        tool('change_submit', {
          commit: /commit-([0-9a-f]{40})/.exec(last(results))?.[1] ?? '',
          summary: 'Sums of three numbers.',
        }),
      () => tool('gate_run'),
    );
  }
  if (brief.closes.includes('review')) {
    steps.push(
      () => tool('change_diff'),
      (results) =>
        tool('review_submit', {
          verdict: 'accept',
          diff: objectOf(last(results)).digest,
          findings: [],
          summary: 'Read whole.',
        }),
    );
  }
  if (brief.closes.includes('qa'))
    steps.push(
      () => tool('qa_run'),
      () => tool('qa_probe'),
      (results) => {
        const { criteria = [], checks = [] } = objectOf(results.at(-2) ?? '') as Partial<Suite>;
        return tool('qa_verdict', { criteria: criteria.map(() => checks.slice(0, 5)) });
      },
    );
  if (brief.closes.includes('merged')) steps.push(() => tool('change_merge'));
  const design = brief.inputs.find(({ name }) => name === 'design');
  if (design && /accept or reject/i.test(brief.title))
    steps.push(() =>
      tool('artifact_review', {
        artifact: design.artifact,
        verdict: 'accept',
        reasons: 'It says how, and nothing is left open.',
      }),
    );
  const name = brief.checkpoint;
  if (name)
    puts.push((results) =>
      tool('checkpoint_request', { name, title: 'It is wanted', artifact: objectOf(last(results)).artifact }),
    );
  return [...steps, ...puts, () => tool('task_complete', { summary: 'Each criterion holds, as was seen.' })];
}

/** The names of tools as the host of this request knows them. */
const tools = ({ api }: ModelRequest) => ({
  tool: (name: string, input: Record<string, unknown> = {}): Block => ({
    tool: api === 'anthropic' ? `mcp__millwright__${name}` : `mcp__millwright::${name}`,
    input,
  }),
  shell: (command: string): Block =>
    api === 'anthropic'
      ? { tool: 'Bash', input: { command, description: 'work' } }
      : { tool: 'exec_command', input: { cmd: command } },
});

/** The object in a tool's answer, whatever a host wraps around it. */
function objectOf(text: string): Record<string, string> {
  const found = objectIn(text);
  if (found) return found;
  throw new Error(`No object in: ${text.slice(0, 300)}`);
}

function objectIn(text: string): Record<string, string> | undefined {
  try {
    return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  } catch {
    return undefined;
  }
}
