import { describe, expect, test } from 'vitest';
import { type Audit, auditWords, MOST } from '../../cli/audit/audit.ts';
import { likeness } from '../../cli/audit/likeness.ts';
import { piecesOf, reachedByTools } from '../../cli/audit/reach.ts';
import { type Sentence, sentencesOf } from '../../cli/audit/remedies.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { type DefinitionFiles, parseDefinition } from '../../servers/core/factory/parse.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { ROOT, read } from './sources.ts';
import { tokens } from './tokens.ts';

const tools = [...(await loadFleet()).tools.values()];
const sentences = sentencesOf(ROOT, new Set(tools.map(({ name }) => name))) ?? [];

/** Most texts come again with every audit. */
const counted = new Map<string, number>();
const count = (text: string) => {
  const known = counted.get(text) ?? tokens(text);
  counted.set(text, known);
  return known;
};

const auditOf = (files: DefinitionFiles, said: readonly Sentence[] = []): Audit =>
  auditWords(parseDefinition(files), { tools, count, sentences: said });
const preset = (name = 'c-suite') => readDefinition(name);
/** The preset with other words, or another factory file. */
const findings = async (changes: DefinitionFiles, said: readonly Sentence[] = []) =>
  auditOf({ ...(await preset()), ...changes }, said).findings;
const yamlWith = async (from: string, to: string) => {
  const { 'factory.yaml': yaml = '' } = await preset();
  expect(yaml).toContain(from);
  return { 'factory.yaml': yaml.replace(from, to) };
};

describe.each(['solo', 'c-suite'])('the words of %s', (name) => {
  test('hold, with tokens counted and every remedy looked at', async () => {
    const audit = auditOf(await preset(name), sentences);
    expect(audit.findings).toEqual([]);
    expect(Math.min(...audit.roles.map(({ brief }) => brief))).toBeGreaterThan(900);
    expect(sentences.length).toBeGreaterThan(100);
  });
});

test('roles of the company disagree on purpose, and say with whom', async () => {
  const { conflicts } = auditOf(await preset());
  expect(conflicts).toContainEqual(['growth', 'qa']);
  expect(conflicts).toContainEqual(['ceo', 'principal-engineer']);
});

describe('a finding', () => {
  const prompt = read('prompts/growth.md');
  const soul = read('souls/growth.md');

  test('is a tool that the role may not call, or that there is none', async () => {
    const words = prompt.replace('## Audit', 'Then `change_merge` and `mail_send`.\n\n## Audit');
    expect(await findings({ 'prompts/growth.md': words })).toEqual([
      'growth: its words name change_merge, which it may not call',
      'growth: its words name mail_send, which is no tool',
    ]);
  });

  test('is a text over its budget, also in instructions', async () => {
    const many = `${soul}\n${'- No.\n'.repeat(20)}`;
    const [instructions] = await findings({ 'souls/growth.md': many });
    expect(instructions).toBe(`growth: instructions 54, at most ${MOST.instructions}`);
    const dense = `${soul.split('\n').slice(0, 4).join('\n')}\n${'q z '.repeat(250)}\n`;
    expect(await findings({ 'souls/growth.md': dense })).toEqual([
      expect.stringMatching(/^growth: soul \d{3}, at most 450$/),
    ]);
  });

  test('is a prompt that reads or produces other things than the pipelines say', async () => {
    const words = prompt.replace('reads: [positioning]', 'reads: [spec]').replace('[seo-audit]', '[]');
    expect(await findings({ 'prompts/growth.md': words })).toEqual([
      'growth: its prompt\'s "reads" are not what the pipelines give it: [positioning]',
      'growth: its prompt\'s "produces" are not what the pipelines ask of it: [seo-audit]',
    ]);
  });

  test('is a step that its role has not the rights for', async () => {
    const less = await yamlWith('review:submit, change:merge', 'change:merge');
    expect(await findings(less)).toContain(
      'principal-engineer: step "review" needs review:submit, which it is not granted',
    );
  });

  test('is a soul too much like another, and a factory in which nobody disagrees', async () => {
    const copy = soul.replace('role: growth', 'role: trend');
    expect(await findings({ 'souls/trend.md': copy })).toContain(
      'growth and trend: their souls are too alike (1.00)',
    );
    const quiet = (role: string, text: string) => `---\nrole: ${role}\ncreed: ${role}.\n---\n${text}\n`;
    const { 'factory.yaml': yaml = '', ...pipelines } = await preset('solo');
    const files = { 'factory.yaml': yaml, ...pipelines };
    const souls = { ceo: 'Ships.', developer: 'Codes.', reviewer: 'Reads.', qa: 'Tries.' };
    const own = Object.entries(souls).map(([role, text]) => [`souls/${role}.md`, quiet(role, text)]);
    expect(auditOf({ ...files, ...Object.fromEntries(own) }).findings).toEqual([
      'no soul names a role it disagrees with',
    ]);
  });

  test('is a remedy that names a tool its reader has not, unless a step of its asks for it', async () => {
    const said = (names: string[], from: string[]) => [{ at: 'x.ts:1', text: '', names, from }];
    expect(await findings({}, said(['qa_run'], ['release_list']))).toEqual(
      ['cto', 'infra', 'growth'].map(
        (role) => `${role}: x.ts:1 tells it to use qa_run, which it may not call`,
      ),
    );
    expect(await findings({}, said(['checkpoint_request'], ['task_complete']))).toEqual([]);
    expect(await findings({}, said(['checkpoint_request'], ['task_wait']))).toHaveLength(7);
  });
});

test('a sentence belongs to the tools whose code leads to its declaration, and to no others', () => {
  const files = new Map([
    [
      '/s/a/tools/one_go.ts',
      "import { help as aid } from '../help.ts';\n\nexport default tool(() => aid());\n",
    ],
    ['/s/a/tools/two_go.ts', "import { other } from '../help.ts';\n\nexport default tool(other);\n"],
    [
      '/s/a/help.ts',
      "/** Not two_go. */\nconst SAY = 'Call two_go now.';\nexport const help = () => SAY;\n\nexport function other() {\n  return 'x y';\n}\n",
    ],
  ]);
  const reached = [...reachedByTools(piecesOf(files))].map(([{ name }, by]) => [name, [...by]]);
  expect(Object.fromEntries(reached)).toMatchObject({ SAY: ['one_go'], help: ['one_go'], other: ['two_go'] });
});

test('without sources no remedy is looked at, and the audit can say so', () => {
  expect(sentencesOf('/nowhere', new Set(['task_show']))).toBeUndefined();
});

test('likeness is 1 for the same words in another order, 0 for none in common, and blind to common words', () => {
  expect(likeness('Broken builds wait.', 'wait, BROKEN: builds')).toBeCloseTo(1);
  expect(likeness('The build is broken.', 'The market is quiet.')).toBe(0);
  expect(likeness('', 'words')).toBe(0);
});
