import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { WRAPPER_PATH } from './layout.ts';

/** Names the first of `tools` that is not on the wrappers' search path, as a reason; undefined if all are. */
export function missingTool(tools: readonly string[]): string | undefined {
  const missing = tools.find(
    (tool) => !WRAPPER_PATH.split(':').some((folder) => isExecutable(join(folder, tool))),
  );
  return missing === undefined ? undefined : `${missing} is not installed`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
