import { isSame } from '../access.ts';
import { whereOf } from '../places.ts';
import type { Attack, Exchange, Field, HttpRequest, Input, Site, Step } from '../types.ts';
import { fitText, patternedText, requestFor, validValues } from '../values.ts';

const AT_ONCE = 20;
/** One after another behind those, so that a limit that counts late is seen. */
const AFTERWARDS = 5;
const ATTEMPTS = AT_ONCE + AFTERWARDS;
const DOOR =
  /log-?in|sign-?in|session|authenticate|\/token\b|password|otp|verif|unlock|confirm|pin\b|code\b|2fa|mfa/i;
const SECRET = /pass(word|code|phrase|key)?$|pwd|otp|\bpin|pin$|code$|^code|token$|secret|answer$|^word$/i;
const NO_SECRET = /coupon|promo|discount|zip|post(al)?_?code|country|language|currency|status_?code/i;

/** Secrets can be guessed as fast as one can ask. Advisory: the limit may stand in front of the product. */
export const rateLimit: Attack = {
  kind: 'rate-limit',
  async run(site) {
    let tried = 0;
    for (const input of site.surface.inputs) {
      const secret = secretOf(input);
      if (!secret) continue;
      const who = site.tag();
      const guess = (): HttpRequest =>
        requestFor(input, { ...validValues(input, who), [secret.name]: wrong(secret, site.tag()) });
      const steps = (): Step[] => [
        Array.from({ length: AT_ONCE }, guess),
        ...Array.from({ length: AFTERWARDS }, guess),
      ];
      if (!(await isGuess(site, input, secret, await site.send(guess())))) continue;
      tried += 1;
      const answers: Exchange[] = [];
      for (const step of steps()) answers.push(...(await site.together([step].flat() as HttpRequest[])));
      if (!unbounded(answers)) continue;
      site.suspect({
        kind: rateLimit.kind,
        severity: 'low',
        title: `No rate limit: ${whereOf(input)} answers ${ATTEMPTS} wrong guesses in a row all alike`,
        where: whereOf(input),
        expects: 'expect(answers.map(({ status }) => status)).toContain(429);',
        experiment: () => ({
          steps: steps(),
          judge: (all) => (unbounded(all) ? `${ATTEMPTS} times ${all[0]?.status}` : undefined),
        }),
      });
    }
    if (tried === 0) site.note('rate-limit: no way to guess a secret was found.');
  },
};

/** The secret that a door asks for, or that has a form of its own wherever it is asked. */
function secretOf({ method, path, fields }: Input): Field | undefined {
  if (method === 'GET' || method === 'DELETE' || /register|sign-?up|forgot/i.test(path)) return undefined;
  const secrets = fields.filter(
    ({ name, type, place }) =>
      place === 'body' && (type === 'password' || (SECRET.test(name) && !NO_SECRET.test(name))),
  );
  // Who resets a password shows a code; the new password is no guess.
  const guessed = secrets.find(({ type }) => type !== 'password') ?? secrets[0];
  const isPlain = guessed?.type === 'password' && /reset|change/i.test(path);
  if (!guessed || isPlain) return undefined;
  return DOOR.test(path) || guessed.pattern !== undefined || guessed.type === 'password'
    ? guessed
    : undefined;
}

/** A value of the right form that is not the right one. */
function wrong(field: Field, tag: string): unknown {
  if (field.type === 'number') return Number.parseInt(tag.slice(1, 7), 36) % ((field.maximum ?? 999_999) + 1);
  return field.pattern === undefined
    ? fitText(`wrong-${tag}`, field)
    : patternedText({ ...field, examples: [] }, tag);
}

/** Whether the answer judges the secret, and not only its form. */
async function isGuess(site: Site, input: Input, secret: Field, answer: Exchange): Promise<boolean> {
  if (answer.status !== 400 && answer.status !== 422) return true;
  const empty = requestFor(input, { ...validValues(input, site.tag()), [secret.name]: '' });
  if (!isSame(await site.send(empty), answer)) return true;
  site.note(
    `rate-limit: ${whereOf(input)} refused every "${secret.name}" for its form, so none was a guess.`,
  );
  return false;
}

const unbounded = (answers: Exchange[]): boolean =>
  answers.every(({ status }) => status === answers[0]?.status) &&
  [200, 302, 303, 400, 401, 403, 404, 409, 410, 422].includes(answers[0]?.status ?? 0);
