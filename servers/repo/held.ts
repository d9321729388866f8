import { heldTask } from '../core/held.ts';
import type { Tx } from '../core/store/store.ts';
import type { Call } from '../core/tool.ts';

/** Checks the lease again, now and in the transaction that writes: git took time since the call began. */
export const stillHeld = (call: Call, tx: Tx) =>
  heldTask({
    session: call.session,
    now: call.services.clock.now(),
    db: tx,
    about: call.about,
  });
