import { ToolError } from '../errors.ts';

/** Why a store could not do its work, and what somebody can do about it. */
const FAULTS = {
  busy: ['Another process has held the store for too long.', 'Wait a minute and make the same call again.'],
  full: [
    'The disk that holds the store is full or failing.',
    'Ask the human to free space, then call again.',
  ],
  denied: ['This server may not write its store.', 'Ask the human to run `millwright doctor`.'],
  damaged: ['The store is damaged.', 'Stop, and ask the human to run `millwright doctor`.'],
  gone: [
    'The database server does not answer.',
    'Wait a minute and look whether the call took effect, with task_show or task_list; if not, call again.',
  ],
} as const;

const CODES: readonly (readonly [RegExp, keyof typeof FAULTS])[] = [
  [/^(SQLITE_BUSY|55P03$)/, 'busy'],
  [/^(SQLITE_FULL|SQLITE_IOERR|53100$)/, 'full'],
  [/^(SQLITE_READONLY|SQLITE_CANTOPEN|SQLITE_PERM|42501$)/, 'denied'],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB|XX00[12]$)/, 'damaged'],
  [/^(08|57P|53300$|55000$|25P03$|ECONN|ENOENT$|ENOTFOUND$|ETIMEDOUT$|EPIPE$)/, 'gone'],
];
/** The driver gives no code when its connection breaks. */
const BROKEN_CONNECTION =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered)/;

/**
 * A failure of the database itself as an `UPSTREAM` error that says what is wrong. Nothing of the transaction was
 * kept, except that nobody can say so of one whose database server went away (`store.gone`): its commit may have
 * arrived. Every other error comes back as it is.
 */
export function storeFault(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  const fault =
    CODES.find(([pattern]) => pattern.test(code))?.[1] ?? (BROKEN_CONNECTION.test(error.message) && 'gone');
  if (!fault) return error;
  const [message, remedy] = FAULTS[fault];
  return new ToolError('UPSTREAM', message, remedy, { rule: `store.${fault}`, cause: error });
}
