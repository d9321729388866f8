import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { ROOT } from '../cli/command.ts';

const PROGRAM = join(ROOT, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');

export interface SuiteRun {
  exit: number;
  printed: string;
  /** How many checks of each scenario succeeded, the schema of the wire not counted. */
  passed: Record<string, number>;
  /** Messages that were held against the protocol's schema, those of the suite too. */
  messages: number;
  /** What the schema says against ours. */
  violations: unknown[];
}

interface Check {
  id: string;
  status: string;
  details?: { messagesValidated?: number; violations?: unknown[] };
}

/** Runs what a revision requires of servers, against what the baseline expects to fail. */
export async function runSuite(url: string, revision: string): Promise<SuiteRun> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-suite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const baseline = join(ROOT, 'test', 'conformance', `baseline-${revision}.yml`);
  const options = ['--requirements', revision, '--expected-failures', baseline, '-o', folder];
  const ran = await execa(process.execPath, [PROGRAM, 'server', '--url', url, ...options], {
    reject: false,
    all: true,
    timeout: 45_000,
  });
  const run: SuiteRun = {
    exit: ran.exitCode ?? -1,
    printed: ran.all,
    passed: {},
    messages: 0,
    violations: [],
  };
  for (const name of await readdir(folder)) {
    const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    for (const { id, status, details } of await checksIn(join(folder, name))) {
      if (id === 'wire-schema-valid') {
        run.messages += details?.messagesValidated ?? 0;
        run.violations.push(...(details?.violations ?? []));
      } else if (status === 'SUCCESS') run.passed[scenario] = (run.passed[scenario] ?? 0) + 1;
    }
  }
  return run;
}

async function checksIn(folder: string): Promise<Check[]> {
  return JSON.parse(await readFile(join(folder, 'checks.json'), 'utf8'));
}
