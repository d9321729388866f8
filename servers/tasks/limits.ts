import { ToolError } from '../core/errors.ts';
import type { Factory } from '../core/factory/definition.ts';
import type { Tx } from '../core/store/store.ts';
import { countUnfinished } from './queries.ts';

/** Throws `LIMIT` when the factory may not have `adding` more open tasks. */
export async function refuseIfFull(
  tx: Tx,
  { limits }: Pick<Factory, 'limits'>,
  adding: number,
): Promise<void> {
  const open = await countUnfinished(tx);
  if (open + adding <= limits.open_tasks) return;
  throw new ToolError(
    'LIMIT',
    `The factory may have ${limits.open_tasks} open tasks and has ${open}.`,
    'Finish or block some first; task_list shows them.',
    { rule: 'limit.open-tasks' },
  );
}
