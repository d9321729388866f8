import { sql } from 'kysely';
import type { Store } from '../../servers/core/store/store.ts';

/** Tables with a row for every task, call, session or entry; the others stay small however long a factory runs. */
const GROWING = [
  ...['tasks', 'task_links', 'task_inputs', 'pipelines', 'leases', 'sessions', 'spawns', 'jobs', 'activity'],
  ...[
    'artifacts',
    'submissions',
    'gate_results',
    'reviews',
    'findings',
    'checkpoints',
    'verdicts',
    'plans',
    'releases',
  ],
  ...['memories', 'memory_entities', 'entities', 'relations', 'lesson_uses', 'estimates', 'state_cards'],
];

export interface Plan {
  text: string;
  /** What takes longer the more rows there are: a table read whole, an index walked from end to end. */
  walks: string[];
  sorts: boolean;
}

/** How the database would run a statement. On PostgreSQL a table is read whole only where no index could be used. */
export async function planOf(store: Store, text: string, values: readonly unknown[]): Promise<Plan> {
  return store.dialect === 'sqlite' ? sqlitePlan(store, text, values) : postgresPlan(store, text, values);
}

async function sqlitePlan({ db }: Store, text: string, values: readonly unknown[]): Promise<Plan> {
  const rows = await explained<{ detail: string }>(db, `explain query plan ${text}`, values);
  const details = rows.map(({ detail }) => detail);
  const sorts = details.some((detail) => detail.startsWith('USE TEMP B-TREE'));
  const tables = details.flatMap((detail) => /^SCAN (\w+)$/.exec(detail)?.[1] ?? []);
  const walks = tables.filter((table) => GROWING.includes(table)).map((table) => `all of ${table}`);
  // Rows that point at a new one are only looked for while a check is put off, which is never.
  const isPlainInsert = /^insert into "\w+" \([^()]*\) values /.test(text);
  const isNewestRow = !sorts && / order by "\w+" desc limit 1$/.test(text) && !/ where /.test(text);
  return { text: details.join('\n'), walks: isPlainInsert || isNewestRow ? [] : walks, sorts };
}

interface Node {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Node[];
  /** It is asked only for its first rows. */
  isFirstOnly?: boolean;
}

async function postgresPlan({ db }: Store, text: string, values: readonly unknown[]): Promise<Plan> {
  return db.transaction().execute(async (tx) => {
    await sql`set local enable_seqscan = off`.execute(tx);
    const [row] = await explained<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      tx,
      `explain (format json) ${text}`,
      values,
    );
    const nodes = row ? all(row['QUERY PLAN'][0].Plan) : [];
    const partial = await sql<{ name: string }>`
      select indexrelid::regclass::text as name from pg_index where indpred is not null`.execute(tx);
    const few = new Set(partial.rows.map(({ name }) => name));
    const walks = nodes.filter((node) => isWalk(node, few));
    return {
      text: nodes
        .map((node) => `${node['Node Type']} ${node['Index Name'] ?? node['Relation Name'] ?? ''}`)
        .join('\n'),
      walks: walks.map((node) => `all of ${node['Relation Name']}`),
      sorts: nodes.some((node) => /Sort/.test(node['Node Type'])),
    };
  });
}

/** An index without a condition is read from end to end, unless it holds few rows or the first one is enough. */
function isWalk(node: Node, partial: ReadonlySet<string>): boolean {
  const { 'Node Type': type, 'Relation Name': table = '', 'Index Name': index = '' } = node;
  if (!GROWING.includes(table)) return false;
  if (type === 'Seq Scan') return true;
  return /^Index/.test(type) && node['Index Cond'] === undefined && !partial.has(index) && !node.isFirstOnly;
}

const all = (node: Node): Node[] => [
  node,
  ...(node.Plans ?? []).flatMap((inner) => all({ ...inner, isFirstOnly: node['Node Type'] === 'Limit' })),
];

async function explained<T>(db: Store['db'], text: string, values: readonly unknown[]): Promise<T[]> {
  const { query, queryId } = sql`select 1`.compile(db);
  return (await db.executeQuery<T>({ sql: text, parameters: values, query, queryId })).rows;
}
