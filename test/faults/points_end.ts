import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { removeLeftovers, takeCensus } from '../../cli/census.ts';
import { headOfMain, openAuthority } from '../../servers/core/git/authority.ts';
import { gitLine } from '../../servers/core/git/git.ts';
import { openServices } from '../../servers/core/open.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { readActive } from '../../servers/core/target/local/active.ts';
import { listResources } from '../../servers/core/target/local/resources.ts';
import { leftovers } from '../e2e/leftovers.ts';
import { temporaryOf } from './points_agent.ts';
import { plain } from './points_steps.ts';

/** What a factory holds in the end, without ids and times that differ from run to run. */
export type End = Record<string, unknown>;

/** Folders whose files are named by their content or belong to workerd. */
const UNNAMED = /^(layers|spare|mainline\.git\/objects|targets\/local\/(data|bundles|tmp|runtime\.log))/;

/**
 * Reads everything of the factory in `home` that an operation leaves, once no process works there. What dead
 * processes left is removed first by the means of `millwright doctor --clean`, two hours later; what that leaves is
 * in the result.
 */
export async function readEnd(home: string): Promise<End> {
  const rows = readRows(join(home, 'store.sqlite'));
  const later = { now: () => Date.now() + 7_200_000 };
  const services = await openServices(home, { clock: later, log: () => {} });
  try {
    await removeLeftovers(await takeCensus(services));
    const { store, paths } = services;
    const record = await verifyRecord(store.db);
    const bare = await openAuthority(paths.git);
    return {
      record: record.ok || record.why,
      ...rows,
      mainline: {
        tree: await gitLine(bare, ['rev-parse', `${await headOfMain(bare)}^{tree}`]),
        commits: await gitLine(bare, ['rev-list', '--count', await headOfMain(bare)]),
      },
      statements: await statements(home),
      resources: (await listResources(join(paths.targets, 'local'))).map(
        ({ kind, name }) => `${kind} ${name}`,
      ),
      live: await live(home, paths.database),
      memoryFile: memoryText(
        await readFile(join(paths.memory, 'growth', 'MEMORY.md'), 'utf8').catch(() => ''),
      ),
      files: [...new Set((await files(home)).map(plain))].sort(),
      temporary: [...new Set((await readdir(temporaryOf(home))).map(plain))].sort(),
      processes: await leftovers(home),
    };
  } finally {
    await services.close();
  }
}

/** An end of 1 is what points_run.ts gives a lease of a process that died: time alone frees it. */
const QUERIES: Record<string, string> = {
  tasks: 'select id, state from tasks order by id',
  held: 'select kind, subject from leases where holder is not null and ends_at > 1 order by kind, subject',
  jobs: "select kind, state from jobs where state <> 'done' order by id",
  changes: `select task, tree_id, diff_digest, merged_commit is not null as merged from submissions
    where id in (select max(id) from submissions group by task) order by task`,
  gates: `select tree_id, gate, closed from gate_results
    where id in (select max(id) from gate_results group by tree_id, gate) order by tree_id, gate`,
  plans: 'select id, state from plans order by id',
  releases: 'select id, product, commit_id, state from releases order by id',
  checkpoints: 'select id, state, human from checkpoints order by id',
  memory: 'select agent, kind, text from memories order by agent, text',
  oncePerJob: `select max(times) from (select count(*) as times from activity
    where event in ('job.done', 'job.failed') group by subject)`,
  once: `select tool, event, subject, count(*) as times from activity
    where (event = 'call' and tool in ('task_complete', 'infra_review')) or event like 'checkpoint.%'
    group by tool, event, subject order by tool, event, subject`,
};

function readRows(file: string): End {
  const database = new Database(file, { readonly: true });
  try {
    return Object.fromEntries(
      Object.entries(QUERIES).map(([name, query]) => [name, database.prepare(query).raw().all()]),
    );
  } finally {
    database.close();
  }
}

/** Of which release each product's live version is. */
async function live(home: string, file: string): Promise<unknown> {
  const database = new Database(file, { readonly: true });
  try {
    const releaseOf = database.prepare('select id from releases where version = ?').pluck();
    const active = await readActive(join(home, 'targets', 'local'));
    return Object.entries(active).map(([product, { shares }]) => [
      product,
      shares.map(({ version, percent }) => [releaseOf.get(version), percent]),
    ]);
  } finally {
    database.close();
  }
}

/** The statements at refs/attest about the trees of all submissions, by gate. */
async function statements(home: string): Promise<string[]> {
  const bare = await openAuthority(home);
  const refs = (await gitLine(bare, ['for-each-ref', '--format=%(refname)', 'refs/attest'])).split('\n');
  const names = await Promise.all(
    refs.map(async (ref) => {
      const commit = ref.slice('refs/attest/'.length);
      const tree = await gitLine(bare, ['rev-parse', `${commit}^{tree}`]);
      const listed = await gitLine(bare, ['ls-tree', '--name-only', ref]);
      return listed.split('\n').map((name) => `${tree} ${plain(name)}`);
    }),
  );
  return [...new Set(names.flat())].sort();
}

async function files(home: string): Promise<string[]> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1))
    .filter((path) => !UNNAMED.test(path) && !/^clones\/[^/]+\//.test(path));
}

/** A MEMORY.md without the times in it. */
const memoryText = (text: string) => text.replace(/\d{4}-\d{2}-\d{2}[T ]?[\d:.]*Z?/g, 'TIME');
