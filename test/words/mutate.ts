// Takes out what the scenarios rest on, one thing at a time, and lists which scenario then fails. Ends with 1 when one
// does not notice. `node test/words/mutate.ts`; it takes minutes and is no part of `npm test`.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { readScenarios, rolesWithScenarios, type Scenario } from '../../words/scenario.ts';
import { score } from '../../words/score.ts';
import { openStages } from '../../words/stage.ts';
import { scriptedEndpoint } from './scripted_endpoint.ts';
import { ROOT, read } from './sources.ts';
import { faultsOf, type Performed, perform } from './told.ts';

/** The line of a server that holds a rule, and what stands there when the rule is taken out. */
const RULES: Record<string, readonly [file: string, line: string, without: string]> = {
  'artifact.name': [
    'servers/gates/tools/artifact_put.ts',
    'if (step && !step.writes.includes(document.name)) {',
    'if (step === null) {',
  ],
  capability: [
    'servers/core/call.ts',
    'if (role?.agents.includes(session.agent) && isGranted(role.may, tool.needs)) return tool;',
    'if (role) return tool;',
  ],
  'infra.digest': [
    'servers/provision/tools/infra_review.ts',
    'if (plan.digest !== digest) throw otherDigest(plan);',
    '',
  ],
  'infra.unapproved': [
    'servers/provision/tools/infra_apply.ts',
    "if (plan.state !== 'approved') throw unapproved(plan);",
    '',
  ],
  'limit.agents': [
    'servers/tasks/tools/agent_spawn.ts',
    'agents.find((name) => !busy.has(name))',
    'agents.find((name) => busy !== name)',
  ],
  'merge.open-gate': ['servers/repo/tools/change_merge.ts', 'await refuseOpenGates(call, submission);', ''],
  'qa.no-submission': [
    'servers/qa/submitted.ts',
    'if (submission) return { task, submission };',
    'return { task, submission };',
  ],
  'release.no-pass': ['servers/deploy/rules.ts', 'if (!passed) {', 'if (passed === null) {'],
  'review.contradiction': [
    'servers/gates/tools/review_submit.ts',
    'refuseContradiction(verdict, findings);',
    '',
  ],
  'review.stale': [
    'servers/gates/tools/review_submit.ts',
    'if (submission.diff_digest !== diff) throw otherDiff(submission);',
    '',
  ],
  'spawn.role': [
    'servers/tasks/tools/agent_spawn.ts',
    'if (!spawns.includes(role)) {',
    'if (spawns === role) {',
  ],
  'task.incomplete': [
    'servers/tasks/tools/task_complete.ts',
    'if (!failing && open.length > 0) {',
    'if (open === failing) {',
  ],
};
const COPIED = ['servers', 'words', 'test/words', 'factories', 'prompts', 'souls', 'package.json'];
const CHILD = '--faults-of';
/** Leaves out the rules, each of which takes a copy of the sources. */
const QUICK = '--without-rules';

const nameOf = ({ role, id }: Scenario) => `${role}/${id}`;
const playable = rolesWithScenarios()
  .flatMap((role) => readScenarios(role))
  .filter(({ good, bad }) => good && bad);

/** Plays scenarios as the sources beside this file have the rules. */
async function performAll(wanted: readonly Scenario[]): Promise<Map<string, Performed>> {
  const stages = await openStages();
  const endpoint = await scriptedEndpoint();
  const done = new Map<string, Performed>();
  try {
    for (const one of wanted) done.set(nameOf(one), await perform(stages, endpoint, one, 'openai'));
  } finally {
    await endpoint.close();
    await stages.close();
  }
  return done;
}

/** The faults of those scenarios, by the servers of a copy of the sources in which one rule is missing. */
async function withoutRule(rule: string, wanted: readonly Scenario[]): Promise<Record<string, string[]>> {
  const [file, line, without] = RULES[rule] ?? ['', '', ''];
  const copy = await mkdtemp(join(tmpdir(), 'millwright-mutated-'));
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(copy, path), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    const source = await readFile(join(copy, file), 'utf8');
    if (source.split(line).length !== 2) throw new Error(`${file} does not hold the rule ${rule} once.`);
    await writeFile(join(copy, file), source.replace(line, without));
    const script = join(copy, 'test', 'words', 'mutate.ts');
    const { stdout } = await execa(process.execPath, [script, CHILD, wanted.map(nameOf).join(',')]);
    return JSON.parse(stdout) as Record<string, string[]>;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** What each scenario notices besides its rule. */
function mutationsOf(scenario: Scenario, performed: Performed): Record<string, boolean> {
  const { good, bad } = performed;
  const { prompt, soul } = scenario.presses;
  const words = { prompt: `prompts/${scenario.role}.md`, soul: `souls/${scenario.role}.md` };
  const isOnce = (file: string, row: string | undefined) =>
    row === undefined || read(file).replace(/\s+/g, ' ').split(row.replace(/\s+/g, ' ')).length === 2;
  return {
    'transcripts swapped': faultsOf(scenario, { good: bad, bad: good }).length > 0,
    'forbidden calls allowed':
      score({ ...scenario, forbid: [] }, bad.calls).faults.length < bad.faults.length,
    'an expected call left out': scenario.expect.every((one) => {
      const tools = [one].flat().map(({ tool }) => tool);
      return !score(
        scenario,
        good.calls.filter(({ tool }) => !tools.includes(tool)),
      ).passed;
    }),
    'row of the words taken out': isOnce(words.prompt, prompt) && isOnce(words.soul, soul),
  };
}

const [, , flag, names = ''] = process.argv;
if (flag === CHILD) {
  const wanted = playable.filter((one) => names.split(',').includes(nameOf(one)));
  const faults: Record<string, string[]> = {};
  const performed = await performAll(wanted);
  for (const one of wanted) faults[nameOf(one)] = faultsOf(one, performed.get(nameOf(one)) as Performed);
  process.stdout.write(JSON.stringify(faults));
} else {
  process.exitCode = (await mutateAll()) ? 0 : 1;
}

async function mutateAll(): Promise<boolean> {
  const performed = await performAll(playable);
  const noticed = new Map<string, Record<string, boolean>>();
  for (const one of playable) {
    const own = performed.get(nameOf(one)) as Performed;
    const clean = faultsOf(one, own);
    if (clean.length > 0) throw new Error(`${nameOf(one)} fails as it is: ${clean.join('; ')}`);
    noticed.set(nameOf(one), mutationsOf(one, own));
  }
  const rules = flag === QUICK ? [] : playable.flatMap(({ refused }) => refused);
  for (const rule of new Set(rules)) {
    const wanted = playable.filter(({ refused }) => refused.includes(rule));
    const faults = await withoutRule(rule, wanted);
    for (const [name, found] of Object.entries(faults))
      Object.assign(noticed.get(name) ?? {}, { [`rule ${rule} taken out`]: found.length > 0 });
    process.stderr.write(`${rule}: ${wanted.length} scenarios\n`);
  }
  let isComplete = true;
  for (const [name, mutations] of noticed) {
    const missed = Object.keys(mutations).filter((mutation) => !mutations[mutation]);
    isComplete &&= missed.length === 0;
    const seen = Object.keys(mutations).filter((mutation) => mutations[mutation]);
    process.stdout.write(
      `${name}: fails with ${seen.join(', ')}${missed.length > 0 ? `; MISSES ${missed.join(', ')}` : ''}\n`,
    );
  }
  return isComplete;
}
