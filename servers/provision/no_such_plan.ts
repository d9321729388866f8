import { ToolError } from '../core/errors.ts';
import { planId } from '../core/ids.ts';

/** The refusal for a plan that does not exist. */
export const noSuchPlan = (id?: number) =>
  new ToolError(
    'NOT_FOUND',
    id === undefined ? 'This pipeline has no plan.' : `No plan ${planId(id)}.`,
    'Call infra_list, where you have it, for the plans that exist; else say what is missing in task_block.',
  );
