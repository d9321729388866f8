import { ToolError } from '../core/errors.ts';
import { heldTask } from '../core/held.ts';
import { pipelineId, releaseId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { findPipeline, findRelease, latestRelease, type Scope } from './queries.ts';
import { standOf } from './steps.ts';

/** What a call is about: the pipeline it names, else that of the held task. */
export async function scopeOf(call: Call, pipeline: number | undefined): Promise<Scope> {
  if (pipeline === undefined) {
    const task = await heldTask(call);
    return { pipeline: task.pipeline, task: task.id };
  }
  if (await findPipeline(call.db, pipeline)) {
    call.about(`pipeline:${pipeline}`);
    return { pipeline, task: 0 };
  }
  throw new ToolError(
    'NOT_FOUND',
    `No pipeline ${pipelineId(pipeline)}.`,
    'Leave pipeline out to mean that of the task you hold.',
  );
}

/** The release a call names, else the latest of the held task's pipeline. Throws NOT_FOUND. */
export async function releaseOf(call: Call, id: number | undefined): Promise<Row<'releases'>> {
  const release =
    id === undefined
      ? await latestRelease(call.db, await scopeOf(call, undefined))
      : await findRelease(call.db, id);
  if (release) {
    call.about(`release:${release.id}`);
    return release;
  }
  throw new ToolError(
    'NOT_FOUND',
    id === undefined ? 'Nothing was released in this pipeline.' : `No release ${releaseId(id)}.`,
    'Call release_list, where you have it, for the releases that exist.',
  );
}

/** Throws CONFLICT unless this release is what its product serves, by the store. */
export function refuseUnserved(release: Row<'releases'>, after: { id: number } | undefined): void {
  if (after) {
    throw new ToolError(
      'CONFLICT',
      `${releaseId(release.id)} is no longer the newest: ${releaseId(after.id)} came after it.`,
      'Name the newest release; release_list shows it.',
      { rule: 'release.superseded' },
    );
  }
  if (release.state === 'live' || release.state === 'verified') return;
  throw new ToolError(
    'CONFLICT',
    `${releaseId(release.id)} is ${standOf(release)}, not live.`,
    'Call release_list for what is live.',
    { rule: 'release.not-live' },
  );
}
