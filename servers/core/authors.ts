import type { Session } from './identity.ts';
import type { Row } from './store/schema.ts';
import type { Db } from './store/store.ts';

type Who = Pick<Session, 'agent' | 'root'>;

/** What this agent, or another connection of its root session, submitted to a pipeline or single task. */
const ownSubmissions = (
  db: Db,
  { pipeline, task }: Pick<Row<'submissions'>, 'task' | 'pipeline'>,
  { agent, root }: Who,
) =>
  db
    .selectFrom('submissions')
    .select('id')
    .where((eb) => eb.or([eb('agent', '=', agent), eb('root', '=', root)]))
    .where(pipeline === null ? 'task' : 'pipeline', '=', pipeline ?? task)
    .limit(1);

/** Whether somebody ever submitted to the pipeline (or single task) of a change: then they don't judge it. */
export async function isAuthor(
  db: Db,
  change: Pick<Row<'submissions'>, 'task' | 'pipeline'>,
  who: Who,
): Promise<boolean> {
  return (await ownSubmissions(db, change, who).executeTakeFirst()) !== undefined;
}

/** Whether a submission holds work of theirs: they submitted it, or an earlier one that was not merged yet. */
export async function hasWorkIn(db: Db, submission: Row<'submissions'>, who: Who): Promise<boolean> {
  const own = await ownSubmissions(db, submission, who)
    .where('id', '<=', submission.id)
    .where((eb) => eb.or([eb('merged_commit', 'is', null), eb('id', '=', submission.id)]))
    .executeTakeFirst();
  return own !== undefined;
}
