import { isTurnedAway, matches } from './access.ts';
import { whereOf } from './places.ts';
import type { Exchange, Input, ProbeReport } from './types.ts';
import { pathOf } from './values.ts';

const CHANGES = /^(POST|PUT|PATCH|DELETE)$/;
/** Parts that send what should be accepted; what attacks send may be refused rightly. */
const PLAIN = /^(discovery|main-path)$/;
const MOST_TOLD = 5;
const SAID_CHARS = 120;

/** Why no way to change something was ever taken: what was sent looked wrong, or who sent it may not. */
type Unreached = NonNullable<ProbeReport['unreached']>;

/** Keeps what became of each request that changes something. */
export interface Reached {
  /** `by` is the part of the probe that sent it. */
  see(answer: Exchange, by: string): void;
  /** Undefined when one of these was accepted, and when there was none to accept or to refuse anything. */
  unreached(inputs: readonly Input[], hasUsers: boolean): Unreached | undefined;
}

/**
 * A probe that was refused everywhere has not tested what the product does. Only refusals of a request's form or of
 * who sends it count: an address that is not there (404, 405) may have been read wrongly.
 */
export function openReached(): Reached {
  const seen = new Map<string, Exchange>();
  const accepted = new Set<string>();
  return {
    see(answer, by) {
      const { method, path } = answer.request;
      if (!CHANGES.test(method) || answer.status === 0) return;
      const key = `${method} ${pathOf(path)}`;
      if (answer.status < 400 && !isTurnedAway(answer)) accepted.add(key);
      else if (PLAIN.test(by)) seen.set(key, answer);
    },
    unreached(inputs, hasUsers) {
      const routes = inputs.filter(({ method }) => CHANGES.test(method));
      if (routes.some((route) => [...accepted].some(isOf(route)))) return undefined;
      const refusals = routes.flatMap((route) => {
        const refusal = [...seen].findLast(([key, answer]) => isOf(route)(key) && isRefusal(answer))?.[1];
        return refusal ? [{ where: whereOf(route), refusal }] : [];
      });
      if (refusals.length === 0) return undefined;
      const isGuarded = refusals.some(({ refusal }) => isTurnedAway(refusal));
      const told = refusals.slice(0, MOST_TOLD).map(({ where, refusal }) => `${where} ${said(refusal)}`);
      const more = refusals.length > told.length ? ` and ${refusals.length - told.length} more` : '';
      const hint = hasUsers
        ? ' The users given may not do it either.'
        : ' Who may do it was not given: --auth FILE names users.';
      return {
        kind: isGuarded ? 'identity' : 'form',
        why: `nothing that was sent in was ever accepted, so what the product does with it is not tested: ${told.join('; ')}${more}.${isGuarded ? hint : ''}`,
      };
    },
  };
}

const isOf =
  ({ method, path }: Input) =>
  (key: string): boolean =>
    key.startsWith(`${method} `) && matches(pathOf(path), key.slice(method.length + 1));

const isRefusal = (answer: Exchange): boolean =>
  [400, 415, 422].includes(answer.status) || (isTurnedAway(answer) && answer.status !== 404);

/** Status, and the beginning of a refusal that is no page. */
function said({ status, headers, body }: Exchange): string {
  const words = body.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
  return words === '' || /\bhtml\b/.test(headers['content-type'] ?? '')
    ? `was refused with ${status}`
    : `was refused with ${status}, ${words.slice(0, SAID_CHARS)}`;
}
