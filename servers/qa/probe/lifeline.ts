import { BudgetSpent } from './client.ts';
import { whereOfRequest } from './places.ts';
import type { Exchange, HttpRequest, Suspicion } from './types.ts';
import { get, pathOf } from './values.ts';

const MOST_RESTARTS = 12;
const MOST_OF_ONE_PLACE = 2;

/** How the title begins of a request that ends the product. */
export const ENDING = 'One request ends the whole product';

/** The product has ended and cannot be started again. */
export class ProductGone extends BudgetSpent {}

/** Keeps a product running while it is attacked. */
export interface Lifeline {
  /**
   * Sends one request. A product that has ended is started again, and what ended it is handed in as a suspicion;
   * `ended` then says that the answer is of no use. Throws `ProductGone` where it can't be started again.
   */
  send(request: HttpRequest): Promise<{ answer: Exchange; ended: boolean }>;
  /** Starts the product again when it does not answer any more. */
  revive(): Promise<void>;
  /** Whether a request to this place ended the product. */
  hasEnded(where: string): boolean;
  /** How often the product was started again. */
  restarts(): number;
  /** Whether the product has ended for good. */
  isGone(): boolean;
}

/**
 * `send` is the client's. `restart` starts the product anew and is undefined for one that is not ours to start.
 */
export function openLifeline({
  send,
  restart,
  suspect,
  note,
}: {
  send(request: HttpRequest): Promise<Exchange>;
  restart: (() => Promise<unknown>) | undefined;
  suspect(suspicion: Suspicion): void;
  note(text: string): void;
}): Lifeline {
  const endings = new Map<string, number>();
  /** What is known to be answered as long as the product lives. */
  let pulse: HttpRequest | undefined;
  let last: HttpRequest | undefined;
  let restarts = 0;
  let gone = false;
  let reviving: Promise<void> | undefined;

  const isAlive = async () => pulse === undefined || (await send(pulse)).status !== 0;
  const reviveOnce = async () => {
    if (await isAlive()) return;
    restarts += 1;
    gone = !restart || restarts > MOST_RESTARTS;
    if (!restart || gone) throw new ProductGone();
    await restart();
  };
  const revive = () => {
    reviving ??= reviveOnce().finally(() => {
      reviving = undefined;
    });
    return reviving;
  };
  const blame = (request: HttpRequest) => {
    const where = whereOfRequest(request);
    suspect(suspicion(request, pulse ?? get('/')));
    endings.set(where, (endings.get(where) ?? 0) + 1);
  };

  return {
    revive,
    hasEnded: (where) => endings.has(where),
    restarts: () => restarts,
    isGone: () => gone,
    async send(request) {
      const where = whereOfRequest(request);
      if ((endings.get(where) ?? 0) >= MOST_OF_ONE_PLACE) {
        note(`${where}: it ends the product, and was left out of what came after.`);
        const answer = { request, status: 0, headers: {}, body: 'not sent', ms: 0 };
        return { answer, ended: true };
      }
      const lives = restarts;
      const answer = await send(request);
      if (answer.status !== 0) {
        if (request.method === 'GET' && answer.status < 500) pulse ??= request;
        last = request;
        return { answer, ended: false };
      }
      const before = last;
      await revive().catch((error: unknown) => {
        if (error instanceof ProductGone) blame(request);
        throw error;
      });
      const ended = restarts > lives;
      if (ended) {
        blame(request);
        // It may have answered first and ended then.
        if (before) suspect(suspicion(before, pulse ?? get('/')));
      }
      return { answer, ended };
    },
  };
}

function suspicion(request: HttpRequest, pulse: HttpRequest): Suspicion {
  const where = whereOfRequest(request);
  return {
    kind: 'server-error',
    severity: 'critical',
    title: `${ENDING}: ${where}`,
    where,
    expects: 'expect(last.status).toBeLessThan(500);',
    experiment: () => ({
      steps: [request, pulse, pulse],
      judge: (answers) =>
        answers.at(-1)?.status === 0
          ? `after ${request.method} ${pathOf(request.path).slice(0, 200)} nothing answers any more`
          : undefined,
    }),
  };
}
