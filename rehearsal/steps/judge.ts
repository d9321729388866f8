import type { Actor } from '../actor.ts';
import { sideChange } from './build.ts';
import { attempt, complete, type Kit, leave, type Performance, remember, takeWhenFree } from './kit.ts';

/** Review and QA: somebody else reads, and a server runs what nobody may merely claim. */
export const judgingSteps: Record<string, Performance> = {
  review: async (actor, kit, task) => {
    const brief = await actor.do('task_checkout', { task });
    if (brief.round === 1) await reviewOfOneself(actor, kit, task);
    await actor.do('task_checkout', { task });
    const { digest } = await actor.do('change_diff');
    await actor.do('review_submit', {
      verdict: 'accept',
      diff: digest,
      findings: [],
      summary: 'Read whole; every input is checked before it is stored.',
    });
    if (brief.round === 1) await attempt(kit, actor, 'merge.open-gate', 'change_merge');
    await remember(actor, {
      kind: 'decision',
      text: `Accepted the diff ${digest}: every input is checked before it is stored.`,
    });
    await complete(actor, 'read every file of the diff and accepted it');
    kit.progress.done(actor.agent, 'accepted the change');
  },

  qa: async (actor, kit, task) => {
    const { round } = await actor.do('task_checkout', { task });
    const qa = round === 1 ? await killedAndResumed(actor, kit, task) : actor;
    if (round === 1) await sourceEdit(qa, kit);
    kit.progress.doing(qa.agent, 'runs the suite and the probe in the sandbox');
    const [{ checks }, probe] = await Promise.all([qa.do('qa_run'), qa.do('qa_probe')]);
    const { verdict, reasons, digest } = await qa.do('qa_verdict', { criteria: tied(checks) });
    kit.progress.done(qa.agent, `${verdict}: ${reasons[0] ?? 'nothing found'}`);
    await leave(qa, 'qa-report', report(verdict, reasons, probe.findings));
    if (round === 1) await releaseWithoutPass(kit);
    if (verdict === 'FAIL') await recordLesson(qa, kit, reasons, digest);
    await remember(qa, {
      kind: 'fact',
      text: `The verdict on round ${round} is ${verdict}: ${reasons[0] ?? 'nothing was found'}.`.slice(
        0,
        1_000,
      ),
    });
    await complete(qa, `the verdict is ${verdict}`, verdict === 'PASS' ? 'done' : 'failed');
  },
};

/** What shows that the criteria of the build hold: its tests, and the gates that the second one names. */
const tied = (tests: string[]) => [
  tests.slice(0, 20),
  ['smoke', 'consistency', 'docs', 'rollback', 'scan'].map((gate) => `gate:${gate}`),
];

/** What the FAIL taught; whoever is sent back to the build finds it in the brief. */
async function recordLesson(qa: Actor, kit: Kit, reasons: string[], digest: string): Promise<void> {
  if (!(await qa.tools()).includes('lesson_record')) return;
  const { lesson } = await qa.do('lesson_record', {
    root_cause:
      'Text that a visitor typed went into the page as it came, and the browser took it for markup.',
    fix: 'Escape it where it enters the page, and in every other page that shows it.',
    prevention:
      'Escape each text of a visitor at the place that writes HTML, and keep a test that fails without it.',
    triggers: ['src/card.ts', 'src/pages.ts'],
    error: reasons.join('\n'),
    evidence: [digest],
  });
  kit.lesson = lesson;
  kit.progress.done(qa.agent, `recorded ${lesson}: text of a visitor is text`);
}

/** The reviewer's host is the very one in which the change was written: two roles, one person. */
async function reviewOfOneself(actor: Actor, kit: Kit, task: string): Promise<void> {
  await actor.do('task_return', { why: 'another session of mine takes it' });
  const same = await kit.stage.session(actor.agent, kit.hostSession);
  await same.do('task_checkout', { task });
  const { digest } = await same.do('change_diff');
  await attempt(kit, same, 'review.self', 'review_submit', {
    verdict: 'accept',
    diff: digest,
    findings: [],
    summary: 'Looks good to me.',
  });
  await same.do('task_return', { why: 'I may not review my own work' });
  await same.close();
}

/** QA's process dies with the task in its hand; the task goes on in another session. */
async function killedAndResumed(first: Actor, kit: Kit, task: string): Promise<Actor> {
  process.kill(first.pid, 'SIGKILL');
  await kit.stage.end(first.agent);
  kit.progress.done(first.agent, 'was killed in the middle of its work (SIGKILL)');
  const next = await kit.stage.actor(first.agent);
  await takeWhenFree(next, task);
  kit.recovered.push({ task, from: first.agent, to: `${next.agent} (new session)`, fence: 0 });
  return next;
}

async function sourceEdit(qa: Actor, kit: Kit): Promise<void> {
  if (!(await qa.tools()).includes('change_submit')) return;
  const commit = await sideChange(qa, 'src/fix.ts', 'export const fixed = true;\n');
  await attempt(kit, qa, 'path.write', 'change_submit', { commit, summary: 'I fixed it quietly.' });
}

async function releaseWithoutPass(kit: Kit): Promise<void> {
  const infra = kit.stage.factory.roles[kit.stage.roleFor('infra')]?.agents[0];
  if (infra)
    await attempt(kit, await kit.stage.actor(infra), 'release.no-pass', 'release_cut', {
      pipeline: kit.pipeline,
    });
}

function report(
  verdict: string,
  reasons: string[],
  findings: { title: string; severity: string; reproduction: string[] }[],
): string {
  const lines = findings.map(
    (finding) =>
      `## ${finding.severity}: ${finding.title}\n\n${finding.reproduction.map((step) => `    ${step}`).join('\n')}\n`,
  );
  return `# ${verdict}\n\n${reasons.map((reason) => `- ${reason}`).join('\n')}\n\n${lines.join('\n')}`.slice(
    0,
    150_000,
  );
}
