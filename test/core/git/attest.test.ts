import { expect, test } from 'vitest';
import { appendAttestation, attestations, attestRef } from '../../../servers/core/git/attest.ts';
import { headOfMain } from '../../../servers/core/git/authority.ts';
import { gitLine } from '../../../servers/core/git/git.ts';
import { AT, agentGit, ruleOf, site } from './harness.ts';

const append = (bare: Parameters<typeof appendAttestation>[0], commit: string, name: string, text: string) =>
  appendAttestation(bare, commit, name, Buffer.from(text), AT);

test('statements written at the same time are all kept, each as one commit of the chain', async () => {
  const { bare } = await site();
  const commit = await headOfMain(bare);
  expect(await attestations(bare, commit)).toEqual([]);
  const names = Array.from({ length: 8 }, (_, n) => `${n}.dsse.json`);

  await Promise.all(names.map((name) => append(bare, commit, name, `statement ${name}`)));

  expect((await attestations(bare, commit)).map(({ name, bytes }) => [name, String(bytes)])).toEqual(
    names.map((name) => [name, `statement ${name}`]),
  );
  expect(await gitLine(bare, ['rev-list', '--count', attestRef(commit)])).toBe('8');
});

test('a statement is never changed; the same one twice is kept once', async () => {
  const { bare } = await site();
  const commit = await headOfMain(bare);
  await append(bare, commit, 'a.json', 'PASS');
  await append(bare, commit, 'a.json', 'PASS');

  expect(await ruleOf(append(bare, commit, 'a.json', 'FAIL'))).toBe('git.attest-changed');
  expect(await gitLine(bare, ['rev-list', '--count', attestRef(commit)])).toBe('1');
  expect((await attestations(bare, commit)).map(({ bytes }) => String(bytes))).toEqual(['PASS']);
});

test('names and commits that are none are refused', async () => {
  const { bare } = await site();
  const commit = await headOfMain(bare);
  for (const name of ['../a', 'a/b', '-a', '', 'a\nb', 'a\tb', '.git']) {
    expect(await ruleOf(append(bare, commit, name, 'x'))).toBe('git.bad-name');
  }
  expect(await ruleOf(append(bare, 'a'.repeat(40), 'a', 'x'))).toBe('git.unknown-commit');
  expect(await ruleOf(append(bare, 'HEAD', 'a', 'x'))).toBe('git.bad-id');
});

test('a reader fetches the statements by name, a clone does not get them by itself', async () => {
  const { bare, clone } = await site();
  const commit = await headOfMain(bare);
  await append(bare, commit, 'a.json', 'PASS');
  const work = await clone('t1-1');
  expect((await agentGit(work, ['for-each-ref', 'refs/attest'])).out).toBe('');

  await agentGit(work, ['fetch', '-q', 'factory', 'refs/attest/*:refs/attest/*']);

  expect((await agentGit(work, ['cat-file', 'blob', `${attestRef(commit)}:a.json`])).out).toBe('PASS');
});
