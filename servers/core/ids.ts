import * as z from 'zod';

/** Ids as agents see them: a letter that says what it is, and its number. */
export const taskId = (id: number) => `T-${id}`;
export const artifactId = (id: number) => `A-${id}`;
export const pipelineId = (id: number) => `P-${id}`;
export const jobId = (id: number) => `J-${id}`;
export const checkpointId = (id: number) => `C-${id}`;
export const planId = (id: number) => `I-${id}`;
export const releaseId = (id: number) => `R-${id}`;
export const submissionId = (id: number) => `S-${id}`;
export const findingId = (id: number) => `F-${id}`;
export const memoryId = (id: number) => `M-${id}`;
export const lessonId = (id: number) => `L-${id}`;

/**
 * Accepts `T-12` (for letter `T`) and gives 12. Its pattern says all there is to say, and bounds its length: a
 * description would cost every agent tokens in every list of tools.
 */
export const idInput = (letter: string) =>
  z
    .string()
    .regex(new RegExp(`^${letter}-[1-9]\\d{0,12}$`), `an id such as "${letter}-12"`)
    .transform((text) => Number(text.slice(2)));
