import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { attestations } from '../../servers/core/git/attest.ts';
import { openAuthority } from '../../servers/core/git/authority.ts';
import { fingerprint, parsePublicKey, type SshPublicKey } from '../../servers/core/signing/sshsig.ts';
import { verifyStatement } from '../../servers/core/signing/statement.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { shown, table } from '../io.ts';
import { ownAttestations, ownRepository } from '../repository.ts';

interface VerifyOptions {
  key?: string;
  repo?: string;
}

interface Evidence {
  readonly key: SshPublicKey;
  readonly statements: readonly { name: string; bytes: Uint8Array | string }[];
}

interface Verified {
  readonly name: string;
  readonly ok: boolean;
  readonly type: string;
  readonly tree: string;
  readonly why: string;
  readonly predicate: unknown;
}

export function gates(program: Command): void {
  const group = program.command('gates').description('the signed evidence of gates');
  group
    .command('verify <commit>')
    .description("check every statement about a commit against the factory's public key, offline")
    .option('--key <pub>', "the factory's public key, pinned; else the one in the factory")
    .option('--repo <dir>', 'a repository that fetched refs/attest; else the mainline of the factory')
    .action(handled<VerifyOptions>((_io, options, commit = '') => verify(commit, options)));
}

async function verify(commit: string, options: GlobalOptions & VerifyOptions) {
  if (!/^[0-9a-f]{40}$/.test(commit)) {
    throw new CommandError(
      'COMMIT',
      `"${shown(commit)}" is no full commit id.`,
      'Give all 40 digits, as `git rev-parse` prints them.',
      EXIT.usage,
    );
  }
  const { key, statements } = await evidence(commit, options);
  const verified = statements.map((statement) => judge(statement, key, commit));
  const ok = verified.length > 0 && verified.every((one) => one.ok);
  const rows = verified.map((one) => [
    one.ok ? 'verified' : 'REFUSED',
    one.name,
    one.ok ? claimOf(one) : shown(one.why),
  ]);
  const failure = ok ? undefined : refusal(commit, verified);
  return {
    value: { commit, key: fingerprint(key), verified: ok, statements: verified },
    text: `${table(['', 'statement', ''], rows)}${failure ? `\n${failure.message}` : ''}`,
    exit: ok ? EXIT.ok : EXIT.failed,
    ...(failure && { failure }),
  };
}

function refusal(commit: string, verified: readonly Verified[]) {
  const remedy =
    'Fetch refs/attest from the remote `factory`, and pin the key that the factory printed at `init`.';
  const bad = verified.filter((one) => !one.ok).length;
  const message =
    verified.length === 0
      ? `Nothing is attested about ${commit}.`
      : `${bad} of ${verified.length} statements do not hold.`;
  return { code: 'NOT_ATTESTED', message, remedy };
}

/** What the statement says, if it is one of a gate. */
function claimOf({ type, predicate }: Verified): string {
  const { gate, closed } = (predicate ?? {}) as { gate?: unknown; closed?: unknown };
  return typeof gate === 'string' ? `${shown(gate)}: ${closed === true ? 'closed' : 'open'}` : shown(type);
}

function judge({ name, bytes }: Evidence['statements'][number], key: SshPublicKey, commit: string): Verified {
  try {
    const { predicateType, predicate, subject } = verifyStatement(bytes, { keys: [key], commit });
    return { name, ok: true, type: predicateType, tree: subject.tree, why: '', predicate };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    return { name, ok: false, type: '', tree: '', why, predicate: null };
  }
}

async function evidence(commit: string, options: GlobalOptions & VerifyOptions): Promise<Evidence> {
  const pinned = options.key === undefined ? undefined : parsePublicKey(await readKey(options.key));
  const fetched =
    options.repo === undefined
      ? undefined
      : await ownAttestations(await ownRepository(resolve(options.repo)), commit);
  if (pinned && fetched) return { key: pinned, statements: fetched };
  return withFactory(options, async (services) => ({
    key: pinned ?? (await services.key()).publicKey,
    statements: fetched ?? (await attestations(await openAuthority(services.paths.git), commit)),
  }));
}

const readKey = (file: string) =>
  readFile(file, 'utf8').catch(() => {
    throw new CommandError(
      'NO_KEY',
      `There is no key ${file}.`,
      'Name the factory_key.pub that `init` printed.',
      EXIT.usage,
    );
  });
