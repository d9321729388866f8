import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { redact, redactedKinds } from '../../servers/memory/redact.ts';
import { syncMemory } from '../../servers/memory/render.ts';
import { startFactory } from '../harness.ts';

const CANARIES = {
  'GitHub token': `ghp_${'aB3d'.repeat(9)}`,
  'AWS access key': 'AKIAABCDEFGHIJKLMNOP',
  'Millwright credential': `mw_${'aB3-'.repeat(10)}xyz`,
  'password in a URL': 'postgres://shop:correct-horse-1@db',
  'named secret': 'DB_PASSWORD="hunter2-and-more"',
  'random string': 'Zq8Lx2Vw9Kp3Rt7Yb5Nc1Md4Fg6',
  'private key': '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----',
};

test.each(Object.entries(CANARIES))('takes out a %s', (kind, canary) => {
  const redacted = redact(`It is ${canary} and stays.`);

  expect(redacted).toContain(`[redacted: ${kind}]`);
  expect(redacted).toMatch(/^It is .* and stays\.$/s);
  expect(redact(redacted)).toBe(redacted);
});

test.each([
  'Merged 4180fa5e8cfa31dbe9e4671d310f829a8224180f on mainline.',
  'getUserByIdFromCacheWithTtl lives in servers/core/memory/RecallOfMemory2.ts.',
  'Password: required, at least 12 characters; the secret: rotated-weekly; token=<yours>.',
  'sha512-46P1QdvngClMgkWBZx7rjpfcaL7IX9xj27tLokaNBs+lyqI/Gk7IV6AxR2wXuxPpEGn1MLTLOhSd4ssx9tLSpA==',
  '550e8400-e29b-41d4-a716-446655440000 and 2026-01-01-release-notes-v2-draft',
])('leaves %s', (text) => expect(redact(text)).toBe(text));

test('finds random text by itself nearly always', () => {
  const missed = Array.from({ length: 500 }, () => randomBytes(32).toString('base64url')).filter(
    (secret) => redactedKinds([redact(`Use ${secret} for it.`)]).length === 0,
  );
  expect(missed.length).toBeLessThan(50);
});

test('a credential reaches no file, no record and no answer, whatever argument or hand brings it', async () => {
  const factory = await startFactory({ servers: ['tasks', 'memory'] });
  const developer = await factory.agent('developer');
  const path = join(factory.services.paths.memory, 'developer', 'MEMORY.md');
  const secret = Object.values(CANARIES).join(' ');
  const answers: unknown[] = [];
  for (const [kind, canary] of Object.entries(CANARIES)) {
    const answer = await developer.ok<{ kept: { note: string }[] }>('memory_write', {
      entries: [
        { kind: 'fact', text: `Use ${canary} for it.`, aliases: [canary], about: [canary], source: canary },
      ],
    });
    expect(answer.kept[0]?.note).toBe(`Taken out as credentials: ${kind}.`);
    answers.push(answer);
  }
  await developer.call('memory_write', { entries: [{ kind: 'fact', text: 'x', colour: secret }] });
  const { writeFile } = await import('node:fs/promises');
  await writeFile(path, `${await readFile(path, 'utf8')}\nBy hand: ${secret}\n`);
  await syncMemory(factory.services, 'developer');
  answers.push(await developer.ok('memory_read'), await developer.ok('memory_read', { ids: ['M-1', 'M-8'] }));

  const files = (await readdir(factory.home, { recursive: true, withFileTypes: true })).filter((file) =>
    file.isFile(),
  );
  const held = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')));
  const enrolments = held.filter((text) => text.includes('"token"'));
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['MEMORY.md']));
  const all = [...held.filter((text) => !enrolments.includes(text)), JSON.stringify(answers)].join('\n');
  for (const canary of [
    'aB3daB3d',
    'AKIAABCDEF',
    'aB3-aB3-',
    'correct-horse-1',
    'hunter2-and',
    'Zq8Lx2Vw',
    'b3BlbnNz',
  ])
    expect(all.toLowerCase(), canary).not.toContain(canary.toLowerCase());
  expect(all).toContain('[redacted: GitHub token]');
});
