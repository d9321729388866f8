import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import { leftovers } from './leftovers.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/millwright.cjs');

/** Every rule that the rehearsal owes a refusal by. */
const RULES = [
  'capability',
  'checkpoint.edited',
  'checkpoint.forged',
  'checkpoint.replayed',
  'credential.expired',
  'credential.revoked',
  'factory.unsigned',
  'infra.unapproved',
  'input.invalid',
  'lease.lost',
  'memory.stale',
  'merge.open-gate',
  'path.protected',
  'path.write',
  'release.changed',
  'release.no-pass',
  'review.self',
  'tool.unknown',
];
const PHASES = ['trend', 'spec', 'infrastructure', 'build', 'review', 'qa', 'deploy', 'verify'];

/** Runs a rehearsal as a user would, in a process group whose leftovers can be looked for. */
export async function rehearse(factory: string) {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const args = [LAUNCHER, 'rehearse', '--factory', factory, '--keep', join(folder, 'kept'), '--json'];
  const { exitCode, stdout } = await execa(process.execPath, args, { reject: false, timeout: 480_000 });
  return { exitCode, folder, result: JSON.parse(stdout) };
}

/** Rehearses a preset: from a request to a verified release, and the record shows every refusal. */
export async function expectRehearsal(factory: string): Promise<void> {
  const { exitCode, folder, result } = await rehearse(factory);

  expect(result.error).toBeUndefined();
  expect(result).toMatchObject({ ok: true, missing: [] });
  expect(exitCode).toBe(0);
  expect(result.phases.map((phase: { id: string }) => phase.id)).toEqual(PHASES);
  expect(result.refused.map((one: { rule: string }) => one.rule)).toEqual(expect.arrayContaining(RULES));
  expect(
    result.checkpoints.map((one: { name: string; decision: string }) => [one.name, one.decision]),
  ).toEqual([
    ['opportunity-brief', 'approved'],
    ['name-and-positioning', 'approved'],
    ['product-spec', 'approved'],
    ['launch-plan', 'approved'],
  ]);
  expect(new Set(result.checkpoints.map((one: { assurance: string }) => one.assurance))).toEqual(
    new Set(['rehearsal']),
  );
  expect(result.recovered).toHaveLength(2);
  expect(result.lessons).toContainEqual(
    expect.objectContaining({ matchedBy: 'signature', outcome: 'prevented' }),
  );
  for (const { fence } of result.recovered) expect(fence).toBeGreaterThan(1);
  const rounds = Object.fromEntries(
    result.phases.map((phase: { id: string; rounds: number }) => [phase.id, phase.rounds]),
  );
  expect(rounds).toMatchObject({ build: 2, review: 2, qa: 2, deploy: 1, verify: 1 });
  const gates = result.phases.flatMap((phase: { gates: { name: string }[] }) => phase.gates);
  for (const gate of gates)
    expect(gate).toMatchObject({ closed: true, digest: expect.stringMatching(/^[0-9a-f]{40,64}$/) });
  expect(
    gates.filter((gate: { isolation: string }) => gate.isolation === 'full').length,
  ).toBeGreaterThanOrEqual(6);
  expect(result.release).toMatchObject({
    verified: true,
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  });
  const [bad, good] = result.versions;
  expect(result.versions).toHaveLength(2);
  expect(bad).toMatchObject({
    release: 'R-2',
    state: 'rolled-back',
    step: expect.stringMatching(/^canary-/),
    why: expect.stringMatching(/real traffic: \d+ of \d+ requests failed, against 0 of \d+/),
    serves: 'R-1',
  });
  expect(bad.traffic.during.failed).toBeGreaterThan(1);
  expect(bad.traffic.during.failed).toBeLessThan(bad.traffic.during.asked / 2);
  expect(bad.traffic.after).toEqual({ asked: expect.any(Number), failed: 0 });
  expect(good).toMatchObject({ release: 'R-3', state: 'live', step: 'production', serves: 'R-3' });
  expect(good.traffic.during).toEqual({ asked: expect.any(Number), failed: 0 });
  expect(result.record).toMatchObject({ verified: true, tampered: expect.stringMatching(/changed/) });
  expect(await leftovers(folder)).toEqual([]);
}
