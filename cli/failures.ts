/** One table for every command; documented in --help. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notSetUp: 3, damaged: 4, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_TABLE = `
Exit codes:
  0    done
  1    failed or refused
  2    the command line is wrong
  3    not set up: no factory, a missing tool, no disk space, or a store of a newer Millwright
  4    damaged: the record does not verify or the store cannot be read
  130  interrupted`;

/** What went wrong and the way out, as a person reads it and as `--json` prints it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly exit: ExitCode;
}

/** An expected failure of a command. */
export class CommandError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly exit: ExitCode;

  constructor(code: string, message: string, remedy: string, exit: ExitCode = EXIT.failed) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.remedy = remedy;
    this.exit = exit;
  }
}

/** The command line is wrong: what about it, and what to write instead. */
export const usageError = (code: string, message: string, remedy: string) =>
  new CommandError(code, message, remedy, EXIT.usage);

const DAMAGED =
  'Keep the file as it is, stop the servers, and put back a copy that `millwright record verify` accepts.';
const DISK: Omit<Failure, 'message'> = {
  code: 'DISK_FULL',
  remedy: 'Free some space and run the command again; nothing that was acknowledged is lost.',
  exit: EXIT.notSetUp,
};
const READ_ONLY: Omit<Failure, 'message'> = {
  code: 'READ_ONLY',
  remedy: 'Make it writable for you, or name another folder with --home.',
  exit: EXIT.notSetUp,
};

/** What SQLite says when it can make no file beside the store: whether the disk is full only the disk knows. */
export function isAmbiguous(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return (
    ('code' in thrown && /^SQLITE_(CANTOPEN|IOERR)/.test(String(thrown.code))) || isAmbiguous(thrown.cause)
  );
}

export const diskFull = () => new CommandError(DISK.code, 'The disk is full.', DISK.remedy, DISK.exit);

/** By the code that SQLite or the system gives; what they say beside it is for a developer. */
const BY_CODE: readonly [RegExp, (about: string) => Failure][] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL)/, (about) => ({ ...DISK, message: `The disk is full${about}.` })],
  [
    /^(EROFS|EACCES|EPERM|SQLITE_READONLY|SQLITE_CANTOPEN|SQLITE_IOERR_SHM)/,
    (about) => ({ ...READ_ONLY, message: `The factory's folder cannot be written${about}.` }),
  ],
  [
    /^(SQLITE_CORRUPT|SQLITE_NOTADB)/,
    () => ({
      code: 'STORE_DAMAGED',
      message: 'The store of this factory is damaged and cannot be read.',
      remedy: DAMAGED,
      exit: EXIT.damaged,
    }),
  ],
  [
    /^SQLITE_BUSY/,
    () => ({
      code: 'STORE_BUSY',
      message: 'Another process kept the store locked for too long.',
      remedy: 'Run `millwright doctor` to find it, then run the command again.',
      exit: EXIT.failed,
    }),
  ],
  [
    /^(ECONNREFUSED|ENOTFOUND|ETIMEDOUT|ECONNRESET|28P01|3D000)$/,
    () => ({
      code: 'STORE_UNREACHABLE',
      message: 'The database that DATABASE_URL names does not answer.',
      remedy: 'Start it, or correct DATABASE_URL; without that variable the store is a file of the factory.',
      exit: EXIT.notSetUp,
    }),
  ],
];

const BY_NAME: Readonly<Record<string, Omit<Failure, 'message'>>> = {
  DefinitionError: {
    code: 'FACTORY_INVALID',
    remedy: 'Correct that line; `millwright factory check FILE` says when the file is right.',
    exit: EXIT.failed,
  },
  StoreTooNew: {
    code: 'STORE_TOO_NEW',
    remedy: 'Update Millwright on this machine, then run the command again.',
    exit: EXIT.notSetUp,
  },
  CannotListen: {
    code: 'CANNOT_LISTEN',
    remedy: 'Choose another port with --port (0 takes a free one), or another address with --host.',
    exit: EXIT.failed,
  },
  NoTls: {
    code: 'NO_TLS',
    remedy:
      'Give --tls-cert FILE and --tls-key FILE, or --behind-proxy when a proxy in front of it speaks TLS.',
    exit: EXIT.usage,
  },
  BadCertificate: {
    code: 'BAD_CERTIFICATE',
    remedy: 'Name PEM files that belong together and that this user can read.',
    exit: EXIT.usage,
  },
  ForeignStore: {
    code: 'FOREIGN_STORE',
    remedy:
      'Correct DATABASE_URL: each factory has a database of its own. docs/running.md says what servers share.',
    exit: EXIT.notSetUp,
  },
  ForeignHome: {
    code: 'FOREIGN_HOME',
    remedy: 'Name the folder that all servers of this factory share with --home; docs/running.md says how.',
    exit: EXIT.notSetUp,
  },
  SandboxUnavailable: {
    code: 'NO_SANDBOX',
    remedy: '`millwright doctor` shows what this machine can contain.',
    exit: EXIT.notSetUp,
  },
  SigningError: {
    code: 'SIGNATURE_REFUSED',
    remedy: 'Check the key, the passphrase and the text that was signed, then sign again.',
    exit: EXIT.failed,
  },
};

export const noGit = () =>
  new CommandError(
    'NO_GIT',
    'git was not found on this machine.',
    'Install git (https://git-scm.com/downloads) and run the command again.',
    EXIT.notSetUp,
  );

/** Turns whatever was thrown into one sentence and the way out. */
export function explain(thrown: unknown): Failure {
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as Error & Partial<Failure>;
  if (error instanceof CommandError) return error;
  const system = ofSystem(error) ?? ofSystem(error.cause);
  if (system) return system;
  const message = firstLine(error.message);
  if (error.name === 'ToolError') {
    return { code: error.code ?? 'FAILED', message, remedy: error.remedy ?? '', exit: EXIT.failed };
  }
  const known = BY_NAME[error.name];
  if (known) return { ...known, message };
  if (error.name === 'GitRefusal') {
    return {
      code: 'GIT_REFUSED',
      message,
      remedy: 'Correct the repository and try again.',
      exit: EXIT.failed,
    };
  }
  if (isMissingGit(error)) {
    return noGit();
  }
  return {
    code: 'FAILED',
    message,
    remedy: 'Run `millwright doctor`; with MILLWRIGHT_DEBUG=1 the command prints where it failed.',
    exit: EXIT.failed,
  };
}

/** What the system or SQLite says by a code of its own. */
function ofSystem(thrown: unknown): Failure | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  const code = String(thrown.code);
  const path = 'path' in thrown && typeof thrown.path === 'string' ? ` (${thrown.path})` : '';
  return BY_CODE.find(([pattern]) => pattern.test(code))?.[1](path);
}

function isMissingGit(error: Error): boolean {
  const { cause } = error;
  return (
    /spawn git ENOENT|git could not be started/.test(error.message) ||
    (cause instanceof Error && /spawn git ENOENT/.test(cause.message))
  );
}

const firstLine = (text: string) => text.trim().split('\n')[0] ?? text;
