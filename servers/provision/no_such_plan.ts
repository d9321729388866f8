import { ToolError } from '../core/errors.ts';
import { planId } from '../core/ids.ts';

/** The refusal for a plan that does not exist. */
export const noSuchPlan = (id: number) =>
  new ToolError('NOT_FOUND', `No plan ${planId(id)}.`, 'Call infra_list for the plans that exist.');
