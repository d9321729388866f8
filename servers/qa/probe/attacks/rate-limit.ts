import { whereOf } from '../places.ts';
import type { Attack, HttpRequest } from '../types.ts';
import { requestFor, validValues } from '../values.ts';

const ATTEMPTS = 25;
const DOOR = /log-?in|sign-?in|session|authenticate|\/token\b|password|otp|verify|pin\b/i;

/** Passwords can be guessed as fast as one can ask. Advisory: the limit may stand in front of the product. */
export const rateLimit: Attack = {
  kind: 'rate-limit',
  async run(site) {
    for (const input of site.surface.inputs) {
      const secret = input.fields.find(
        ({ name, type }) => type === 'password' || /pass|otp|pin|code/i.test(name),
      );
      if (
        input.method !== 'POST' ||
        !secret ||
        !DOOR.test(input.path) ||
        /register|sign-?up|forgot|reset/i.test(input.path)
      )
        continue;
      const who = site.tag();
      const guess = (): HttpRequest =>
        requestFor(input, { ...validValues(input, who), [secret.name]: `wrong-${site.tag()}` });
      const statuses: number[] = [];
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1)
        statuses.push((await site.send(guess())).status);
      if (!unbounded(statuses)) continue;
      site.suspect({
        kind: rateLimit.kind,
        severity: 'low',
        title: `No rate limit: ${whereOf(input)} answers ${ATTEMPTS} wrong guesses in a row all alike`,
        where: whereOf(input),
        expects: 'expect(answers.map(({ status }) => status)).toContain(429);',
        experiment: () => ({
          steps: Array.from({ length: ATTEMPTS }, guess),
          judge: (answers) =>
            unbounded(answers.map(({ status }) => status))
              ? `${ATTEMPTS} times ${answers[0]?.status}`
              : undefined,
        }),
      });
    }
  },
};

const unbounded = (statuses: number[]): boolean =>
  statuses.every((status) => status === statuses[0]) &&
  [200, 302, 303, 400, 401, 403, 422].includes(statuses[0] ?? 0);
