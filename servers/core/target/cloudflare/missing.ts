import { ToolError } from '../../errors.ts';

/** The refusal for what a version needs and Cloudflare does not have. */
export const missingResource = (kind: string, name: string) =>
  new ToolError(
    'CONFLICT',
    `The ${kind} ${name} is not there at Cloudflare.`,
    'Have the infrastructure plan applied again (infra_apply), or a new one proposed.',
    { rule: 'infra.missing' },
  );
