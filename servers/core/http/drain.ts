import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { replyLater } from './reply.ts';

/** The responses that are still being written. */
export function runningCalls() {
  const running = new Set<ServerResponse>();
  const emptied = new EventEmitter();
  return {
    add(response: ServerResponse): void {
      running.add(response);
      response.once('close', () => {
        running.delete(response);
        if (running.size === 0) emptied.emit('empty');
      });
    },
    /** Resolves when none is left, or after `ms`. */
    async ended(ms: number): Promise<void> {
      if (running.size === 0) return;
      await once(emptied, 'empty', { signal: AbortSignal.timeout(ms) }).catch(() => {});
    },
  };
}

/** For what comes over a connection that was open already when the server began to end. */
export function turnAway(response: ServerResponse): void {
  response.setHeader('Connection', 'close');
  replyLater(response, 503, 1, 'this server is ending');
}
