import * as z from 'zod';

/** Free text that both stores keep as it is: no NUL, no half of a surrogate pair. */
export const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((given) => given.isWellFormed() && !given.includes('\0'), 'has characters that no text has');

/** Names of artifacts and checkpoints, as pipelines write them. */
export const name = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9-]*$/, 'lower case letters, digits and dashes, for example "qa-report"');
