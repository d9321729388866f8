import type { ExitCode } from '../failures.ts';

/** What one check found. A `fault` has its remedy and the exit code it leads to; a `note` stops nothing. */
export type Finding = { readonly check: string; readonly says: string } & (
  | { readonly state: 'ok' }
  | { readonly state: 'note'; readonly remedy: string }
  | { readonly state: 'fault'; readonly remedy: string; readonly exit: ExitCode }
);

export const ok = (check: string, says: string): Finding => ({ check, says, state: 'ok' });
export const note = (check: string, says: string, remedy: string): Finding => ({
  check,
  says,
  state: 'note',
  remedy,
});
export const fault = (check: string, says: string, remedy: string, exit: ExitCode): Finding => ({
  check,
  says,
  state: 'fault',
  remedy,
  exit,
});
