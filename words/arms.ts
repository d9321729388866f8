import { readRole } from '../servers/core/words.ts';
import type { Words } from './play.ts';

/** What a run begins with: no words, those of another folder, or those of this package. */
export const ARMS = ['none', 'old', 'new'] as const;
export type Arm = (typeof ARMS)[number];

/** The words of a role for one arm; `old` is the folder that holds the other `prompts/` and `souls/`. */
export function wordsOf(arm: Arm, role: string, old?: string): Words | null {
  if (arm === 'none') return null;
  const { soul, prompt } = arm === 'old' && old !== undefined ? readRole(role, old) : readRole(role);
  return { soul, prompt };
}
