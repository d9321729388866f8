import { describe, expect, test } from 'vitest';
import { attackFile, marina } from './marina.ts';

const places = (findings: { kind: string; where: string }[]) =>
  findings.map(({ kind, where }) => `${kind} ${where}`);

describe('a JSON API without a schema, beside its sound twin', () => {
  test('what it takes is learned, and each fault is found', async () => {
    const { findings, notTested } = await attackFile(marina((flawed) => flawed));
    expect(places(findings)).toEqual(
      expect.arrayContaining([
        'race POST /board',
        'race POST /purse/send',
        'rate-limit POST /gate',
        'ssrf GET /preview',
        'other-user GET /logbooks/{id}',
        'other-user POST /bookings/cancel',
        'mass-assignment PUT /profile',
        'role-escalation PUT /crew/{id}/role',
      ]),
    );
    expect(notTested.filter((line) => /refused with 4(00|15|22)/.test(line))).toEqual([]);
  }, 90_000);

  test('the twin gets no finding', async () => {
    const { findings, checks } = await attackFile(marina((_, sound) => sound));
    expect(findings.filter(({ severity }) => severity !== 'low').map(({ title }) => title)).toEqual([]);
    expect(places(findings)).not.toContain('rate-limit POST /gate');
    expect(checks.filter(({ ran }) => !ran)).toEqual([]);
  }, 90_000);
});
