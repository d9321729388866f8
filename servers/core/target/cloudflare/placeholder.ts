import { moduleTypeOf } from '../module_types.ts';
import type { WorkerConfig } from '../target.ts';

/** The tag of the version that stands where nothing is released. No version of a product has it. */
export const PLACEHOLDER_TAG = 'millwright-nothing';

const MODULE = 'nothing.js';
const NOTHING = `export default {
  fetch: () => new Response('Nothing is released here.\\n', { status: 503, headers: { 'retry-after': '60' } }),
};
`;

/** A Durable Object class that a Worker gets when it is made. */
export interface NewClass {
  className: string;
  sqlite: boolean;
}

/**
 * A Worker of the server's own that answers 503 and binds nothing. A Worker has to exist before versions of it can be
 * uploaded; made so, the first release goes the gradual way like any other. Classes of Durable Objects can only be
 * added by such a whole deployment, so they come with it.
 */
export function placeholderForm(classes: readonly NewClass[]): FormData {
  const named = (sqlite: boolean) =>
    classes.filter((one) => one.sqlite === sqlite).map((one) => one.className);
  const steps = [{ new_sqlite_classes: named(true), new_classes: named(false) }];
  const metadata = {
    main_module: MODULE,
    compatibility_date: '2026-01-01',
    bindings: [],
    keep_bindings: [],
    annotations: {
      'workers/tag': PLACEHOLDER_TAG,
      'workers/message': 'Made by Millwright; nothing is released.',
    },
    ...(classes.length > 0 && { migrations: { new_tag: 'millwright-1', steps } }),
  };
  const text = [NOTHING, ...classes.map(({ className }) => `export class ${className} {}\n`)].join('');
  return workerForm(metadata, [{ path: MODULE, bytes: Buffer.from(text) }], {});
}

/** What Cloudflare takes a version as: its metadata and its modules, each by name. */
export function workerForm(
  metadata: object,
  files: readonly { path: string; bytes: Uint8Array }[],
  config: Pick<WorkerConfig, 'modules'>,
): FormData {
  const form = new FormData();
  form.set('metadata', JSON.stringify(metadata));
  for (const { path, bytes } of files)
    form.set(path, new File([new Uint8Array(bytes)], path, { type: MEDIA[moduleTypeOf(path, config)] }));
  return form;
}

const MEDIA = {
  ESModule: 'application/javascript+module',
  CompiledWasm: 'application/wasm',
  Text: 'text/plain',
  Data: 'application/octet-stream',
};
