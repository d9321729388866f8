import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, openDesk } from './command.ts';

beforeAll(buildOnce);

const THEIRS = {
  settings: `{
  // mine
  "model": "opus",
  "permissions": { "allow": ["Bash(ls)"] },
  "hooks": { "PreToolUse": [{ "matcher": "Bash", "hooks": [{ "type": "command", "command": "lint-it" }] }] }
}
`,
  toml: 'model = "gpt-6"\n\n[mcp_servers.other]\ncommand = "x"\n',
  claude:
    '{\n  "oauthAccount": "secret-of-mine",\n  "projects": { "/elsewhere": { "mcpServers": { "millwright": {} } } }\n}\n',
};

test('init sets up both hosts, a second time changes nothing, keeps what the person wrote, and takes all of it out', async () => {
  const desk = await openDesk({ 'package.json': '{"name":"shop"}\n', 'AGENTS.md': 'Ours.\n' });
  const files = {
    settings: join(desk.repository, '.claude', 'settings.local.json'),
    toml: join(desk.repository, '.codex', 'config.toml'),
    claude: join(desk.folder, '.claude.json'),
  };
  for (const [name, path] of Object.entries(files)) {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, THEIRS[name as keyof typeof THEIRS]);
  }
  const texts = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(files).map(async ([name, path]) => [name, await readFile(path, 'utf8')]),
      ),
    );

  const preview = await desk.say(['init', '--host', 'both', '--dry-run']);
  expect(preview.stdout).toMatch(/^\+\+\+ .*millwright-developer\.md$/m);
  expect(preview.stdout).not.toContain('secret-of-mine');
  expect(await texts()).toEqual(THEIRS);
  await expect(stat(join(desk.home, 'shop'))).rejects.toThrow();

  const made = await desk.run(['init', '--host', 'both', '--as', 'reviewer']);
  expect(made.exit).toBe(0);
  expect(await desk.git(['status', '--porcelain'])).toBe('');
  const now = await texts();
  expect(now.settings).toContain('// mine');
  expect(now.settings).toMatch(/lint-it[\s\S]*guard\.cjs/);
  expect(now.toml).toContain('[mcp_servers.other]');
  expect(JSON.parse(now.claude)).toMatchObject({
    oauthAccount: 'secret-of-mine',
    projects: {
      '/elsewhere': {},
      [desk.repository]: {
        mcpServers: {
          millwright: { args: expect.arrayContaining([expect.stringMatching(/reviewer\.json$/)]) },
        },
      },
    },
  });

  const again = await desk.run(['init', '--host', 'both']);
  expect((again.json as { hosts?: { files: unknown[] } }).hosts?.files).toEqual([]);

  const half = await desk.run(['init', '--host', 'codex', '--remove']);
  expect(half.exit).toBe(0);
  expect((await texts()).toml).toBe(THEIRS.toml);
  await stat(join(desk.home, 'shop', 'hosts', 'policy.json'));

  await desk.run(['init', '--host', 'both', '--remove']);
  const left = await texts();
  expect(left).toMatchObject({ toml: THEIRS.toml });
  expect(left.settings).not.toMatch(/millwright|guard|disableAllHooks/);
  expect(left.settings).toContain('lint-it');
  expect(JSON.parse(left.claude).projects[desk.repository].mcpServers).toEqual({});
  for (const gone of ['.claude/agents', '.codex/hooks.json', '.agents']) {
    await expect(stat(join(desk.repository, gone))).rejects.toThrow();
  }
});

test('refuses what it cannot merge or does not know, and then has written nothing', async () => {
  const desk = await openDesk();
  const settings = join(desk.repository, '.claude', 'settings.local.json');
  await mkdir(join(settings, '..'));
  await writeFile(settings, '{ broken');

  const broken = await desk.run(['init', '--host', 'claude-code']);
  const other = await desk.run(['init', '--host', 'emacs']);
  const alone = await desk.run(['init', '--remove']);

  expect(broken.json.error?.code).toBe('NOT_JSON');
  expect(await readFile(settings, 'utf8')).toBe('{ broken');
  await expect(stat(join(desk.folder, '.claude.json'))).rejects.toThrow();
  expect([other.exit, other.json.error?.code, alone.exit]).toEqual([2, 'HOST', 2]);
});
