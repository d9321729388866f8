import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildOnce, type Desk, LAUNCHER, openRehearsed, PASSPHRASE, ROOT } from './command.ts';

beforeAll(buildOnce);

/** The fenced blocks of the page, in order: language, the file that one is, and its text. */
async function blocksOfPage() {
  const page = await readFile(join(ROOT, 'docs/add-a-role.md'), 'utf8');
  return [...page.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(([, kind, file, text = '']) => ({
    kind,
    file,
    text,
  }));
}

const commandsIn = (text: string, desk: Desk): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/^npx millwright /, '')
        .replace('~/.millwright/NAME', join(desk.home, 'shop'))
        .split(' '),
    );

async function put(desk: Desk, file: string, text: string): Promise<void> {
  const path = join(desk.home, 'shop', file);
  await mkdir(dirname(path), { recursive: true });
  if (file !== 'factory.yaml') return writeFile(path, text);
  return writeFile(path, (await readFile(path, 'utf8')).replace('\nroles:\n', `\nroles:\n${text}`));
}

/** A host's session as this agent, over stdio. */
async function host(desk: Desk, agent: string): Promise<Client> {
  const args = [LAUNCHER, 'mcp', '--enrolment', join(desk.home, 'shop', 'enrolments', `${agent}.json`)];
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: 'ignore' }));
  onTestFinished(() => client.close());
  return client;
}

test('the page adds a role that works, when it is followed to the letter', async () => {
  const desk = await openRehearsed();
  for (const { kind, file, text } of await blocksOfPage()) {
    if (kind !== 'sh') await put(desk, file ?? '', text);
    else
      for (const command of commandsIn(text, desk)) {
        const { exit, json, stderr } = await desk.run(command, { input: PASSPHRASE });
        expect([command.join(' '), exit, json.error]).toEqual([command.join(' '), 0, undefined]);
        if (command[1] === 'apply') expect(stderr).toContain('+ support may task:work\n');
        if (command[1] === 'apply') expect(stderr).toContain('~ support words\n');
      }
  }

  const [lead, support] = await Promise.all([host(desk, 'ceo'), host(desk, 'support')]);
  await lead.callTool({
    name: 'task_create',
    arguments: {
      title: 'Sort the mails',
      role: 'support',
      criteria: ['Each mail has an answer'],
      stops: ['None'],
    },
  });
  const brief = await support.callTool({ name: 'task_checkout', arguments: {} });
  const { prompts } = await support.listPrompts();

  expect(brief.structuredContent).toMatchObject({
    title: 'Sort the mails',
    soul: expect.stringContaining('They wrote because everything else failed.'),
    prompt: expect.stringContaining('Sort by what stops people'),
  });
  expect(prompts.map(({ name, description }) => [name, description])).toEqual([
    ['support', 'Use when messages of users have to become answers and bug reports.'],
  ]);
});
