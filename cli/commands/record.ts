import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { exists } from '../../servers/core/files.ts';
import { readHead, signHead, verifyAgainst } from '../../servers/core/heads.ts';
import { GENESIS, verifyRecord } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { parsePublicKey, type SshPublicKey } from '../../servers/core/signing/sshsig.ts';
import { openStore } from '../../servers/core/store/store.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { onInterrupt } from '../interrupt.ts';
import { good, type Io, type Result, shown, when } from '../io.ts';
import { entriesAfter, lastEntry } from '../record_queries.ts';

const PAGE = 500;
const FOLLOW_MS = 1000;

interface VerifyOptions {
  head?: string;
  key?: string;
  database?: string;
}

interface TailOptions {
  follow?: boolean;
  all?: boolean;
  lines: string;
}

export function record(program: Command): void {
  const group = program
    .command('record')
    .description('the append-only, hash-chained record of what happened');
  group
    .command('verify')
    .description('check the whole chain, and name the first entry that does not fit')
    .option(
      '--head <file>',
      'compare with a head that was exported earlier: notices a cut-off or rewritten record',
    )
    .option(
      '--key <pub>',
      "the factory's public key, kept where no agent can change it; else the one in the factory",
    )
    .option('--database <file>', 'a copy of the store, instead of the store itself')
    .action(handled<VerifyOptions>(verify));
  group
    .command('tail')
    .description('the newest entries')
    .option('--follow', 'go on with what comes; with --json one object a line')
    .option('--all', 'from the first entry on')
    .option('-n, --lines <n>', 'how many', '20')
    .action(handled<TailOptions>(tail));
  group
    .command('head')
    .description('the last entry, signed by the factory; keep it outside the reach of agents')
    .option('--export <file>', 'write it to a file')
    .action(handled<{ export?: string }>(head));
}

const verify = (_io: Io, options: GlobalOptions & VerifyOptions) =>
  withFactory(options, async (services, name) => {
    const against =
      options.head === undefined ? undefined : await headIn(services, options.head, options.key);
    const copy = options.database === undefined ? undefined : await openCopy(options.database);
    try {
      const { db } = copy ?? services.store;
      const found = against ? await verifyAgainst(db, name, against) : await verifyRecord(db);
      if (!found.ok) return damaged(found.seq, found.why);
      const since = against ? `, and still holds entry ${against.seq} as it was on ${when(against.at)}` : '';
      return {
        value: { entries: found.entries, verified: true, head: found.head },
        text: `${good('verified')} ${found.entries} entries${since}\nhead ${found.head}`,
      };
    } finally {
      await copy?.close();
    }
  });

async function openCopy(file: string) {
  if (await exists(file)) return openStore(resolve(file));
  throw new CommandError(
    'NO_COPY',
    `There is no store ${file}.`,
    'Name one that `millwright backup` wrote.',
    EXIT.usage,
  );
}

function damaged(seq: number, why: string): Result {
  const failure = {
    code: 'RECORD_DAMAGED',
    message: `The record does not verify at entry ${seq}: ${why}.`,
    remedy:
      'Stop the factory (`millwright stop REASON`), keep the store as it is, and compare it with a copy.',
  };
  const text = `NOT VERIFIED at entry ${seq}: ${why}.\n${failure.remedy}`;
  return { value: { verified: false, seq, why }, text, exit: EXIT.damaged, failure };
}

async function headIn(services: Services, file: string, key: string | undefined) {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CommandError(
      'NO_HEAD',
      `There is no file ${file}.`,
      'Name one that `millwright record head --export` wrote.',
      EXIT.usage,
    );
  });
  return readHead(text, [await pinnedKey(services, key)]);
}

async function pinnedKey(services: Services, file: string | undefined): Promise<SshPublicKey> {
  if (file === undefined) return (await services.key()).publicKey;
  return parsePublicKey(await readFile(file, 'utf8'));
}

const tail = (io: Io, options: GlobalOptions & TailOptions) =>
  withFactory(options, async (services) => {
    const lines = Number(options.lines);
    if (!Number.isSafeInteger(lines) || lines < 0) {
      const remedy = 'Give a number, for example -n 50.';
      throw new CommandError('LINES', `"${shown(options.lines)}" is no number of lines.`, remedy, EXIT.usage);
    }
    const last = (await lastEntry(services.store.db))?.seq ?? 0;
    const from = options.all ? 0 : Math.max(0, last - lines);
    if (options.follow) return follow(io, services, from);
    const entries: Entry[] = [];
    for await (const entry of entriesFrom(services, from)) entries.push(entry);
    return { value: { entries }, text: entries.map(lineOf).join('\n') };
  });

async function follow(io: Io, services: Services, from: number): Promise<undefined> {
  const interrupted = new AbortController();
  onInterrupt(() => interrupted.abort(), ['SIGINT', 'SIGTERM']);
  let seq = from;
  for (;;) {
    for await (const entry of entriesFrom(services, seq)) {
      io.line(entry, lineOf(entry));
      seq = entry.seq;
    }
    if (interrupted.signal.aborted) return undefined;
    await services.store.changed(FOLLOW_MS, interrupted.signal);
  }
}

type Entry = Omit<Awaited<ReturnType<typeof entriesAfter>>[number], 'at'> & { at: string };

async function* entriesFrom(services: Services, after: number): AsyncGenerator<Entry> {
  let seq = after;
  for (;;) {
    const entries = await entriesAfter(services.store.db, seq, PAGE);
    for (const entry of entries) yield { ...entry, at: when(entry.at) };
    seq = entries.at(-1)?.seq ?? seq;
    if (entries.length < PAGE) return;
  }
}

function lineOf(entry: Entry): string {
  const parts = [entry.tool, entry.subject, entry.rule, entry.code, entry.why].filter(Boolean);
  const told = parts.map((part) => shown(part, 160));
  return [String(entry.seq), entry.at, shown(entry.agent, 60), entry.event, ...told].join('  ');
}

const head = (_io: Io, options: GlobalOptions & { export?: string }) =>
  withFactory(options, async (services, factory) => {
    const last = await lastEntry(services.store.db);
    const at = services.clock.now();
    const value = { factory, seq: last?.seq ?? 0, hash: last?.hash ?? GENESIS, at };
    const text = signHead(value, (await services.key()).privateKey);
    if (options.export === undefined) return { value: JSON.parse(text) as Record<string, unknown>, text };
    await writeFile(options.export, text, { mode: 0o644, flag: 'wx' }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        throw new CommandError(
          'EXISTS',
          `The file ${options.export} exists.`,
          'Name a new one: an older head is worth keeping.',
        );
      },
    );
    return {
      value: { exported: options.export, seq: value.seq, hash: value.hash },
      text: `Entry ${value.seq} is in ${options.export}. Keep it where no agent can change it.`,
    };
  });
