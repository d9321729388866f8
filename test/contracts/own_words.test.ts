import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { parseDefinition, requireWords } from '../../servers/core/factory/parse.ts';
import { startFactory } from '../harness.ts';

const PROMPT =
  '---\nrole: designer\ndescription: Use when a page looks wrong.\nreads: []\nproduces: []\n---\nLook first.\n';
const SOUL = '---\nrole: designer\ncreed: Nobody reads, they look.\n---\nI sit beside the visitor.\n';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-words-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { 'factory.yaml': yaml = '' } = await readDefinition('solo');
  const role = '  designer:\n    title: Designer\n    agents: [designer]\n    may: [task:read, task:work]\n';
  await writeFile(join(folder, 'factory.yaml'), yaml.replace('\nlease:', `\n${role}\nlease:`));
  await Promise.all(['prompts', 'souls'].map((name) => mkdir(join(folder, name))));
});

const put = (prompt: string, soul = SOUL) =>
  Promise.all([
    writeFile(join(folder, 'prompts/designer.md'), prompt),
    writeFile(join(folder, 'souls/designer.md'), soul),
  ]);
const definition = async () => parseDefinition(await readDefinition(join(folder, 'factory.yaml')));

describe('the words of a role of the own factory', () => {
  test('lie beside its file and are part of what a human signs', async () => {
    await put(PROMPT);
    expect(Object.keys(await readDefinition(join(folder, 'factory.yaml')))).toEqual(
      expect.arrayContaining(['prompts/designer.md', 'souls/designer.md']),
    );
    const { words } = await definition();
    expect([...words.keys()]).toEqual(['designer']);
    expect(words.get('designer')).toMatchObject({ prompt: 'Look first.', soul: 'I sit beside the visitor.' });
  });

  test('stand for one part alone where the other one ships', async () => {
    await writeFile(join(folder, 'souls/qa.md'), SOUL.replace('designer', 'qa').replace('beside', 'behind'));
    await put(PROMPT);
    const qa = (await definition()).words.get('qa');
    expect(qa?.soul).toBe('I sit behind the visitor.');
    expect(qa?.prompt).toContain('People will ship on your verdict');
  });

  test('are asked for when there are none', async () => {
    const found = await definition();
    expect(() => requireWords(found)).toThrow(
      'prompts/designer.md:1: is missing: the role "designer" has no words; write it, and souls/designer.md beside it.',
    );
    await writeFile(join(folder, 'prompts/designer.md'), PROMPT);
    await expect(definition()).rejects.toThrow('souls/designer.md is missing');
  });

  test.each([
    ['of another role', PROMPT.replace('role: designer', 'role: qa'), 'says that it is for the role qa'],
    ['larger than a brief has room for', `${PROMPT}${'Look. '.repeat(700)}`, 'has more than 3600 bytes'],
    ['with characters nobody sees', PROMPT.replace('Look', 'Lo\u202eok'), 'characters that nobody sees'],
  ])('are refused %s', async (_, prompt, fault) => {
    await put(prompt);
    await expect(definition()).rejects.toThrow(fault);
  });

  test('reach its agent in the brief, as a prompt and as a resource', async () => {
    await put(PROMPT);
    const factory = await startFactory({ preset: join(folder, 'factory.yaml') });
    const lead = await factory.agent('ceo');
    await lead.ok('task_create', {
      title: 'Look at the page',
      criteria: ['It was seen'],
      stops: ['No page'],
      role: 'designer',
    });
    const designer = await factory.agent('designer');
    expect(await designer.ok('task_checkout')).toMatchObject({
      prompt: 'Look first.',
      soul: 'I sit beside the visitor.',
    });
    const { prompts } = await designer.client.listPrompts();
    expect(prompts[0]?.description).toBe('Use when a page looks wrong.');
    const { contents } = await designer.client.readResource({ uri: 'millwright://role/designer/soul' });
    expect(contents[0]).toMatchObject({ text: 'I sit beside the visitor.' });
  });
});
