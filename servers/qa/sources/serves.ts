import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { LISTENS, planFor } from '../sources.ts';

const CODE = /\.(?:[cm]?[jt]sx?|py|rb|go|rs|php)$/;
/** What stands beside a product: its tests start servers of their own. */
const BESIDE = /(?:^|\/)(?:node_modules|tests?|__tests__|spec|fixtures|bench)\/|\.(?:test|spec|d)\.[^/]+$/;
/** A handler of requests, as Workers export it, and servers of other languages. */
const HANDLES =
  /export\s+default\s*\{[^}]*\bfetch\b|addEventListener\(\s*["']fetch["']|\b(?:ListenAndServe|HTTPServer|TcpListener|uvicorn|gunicorn|Flask|FastAPI)\b/;
const STARTS = ['start', 'serve', 'preview', 'dev'];

/**
 * What shows that a product answers requests: a file that listens or handles them, a script that starts it, a page.
 * Undefined when nothing of that is there. `paths` are the files of the folder that it is run in.
 */
export async function whatServes(paths: readonly string[]): Promise<string | undefined> {
  const plan = await planFor('.');
  if (plan.kind !== 'sources') return `it starts as a product (${plan.kind})`;
  for (const path of paths.filter((one) => !BESIDE.test(one))) {
    if (posix.basename(path) === 'package.json' && (await hasStart(path)))
      return `${path} has a start script`;
    if (!CODE.test(path)) continue;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return `${path} cannot be read`;
    if (LISTENS.test(text) || HANDLES.test(text)) return `${path} listens or handles requests`;
  }
  return undefined;
}

async function hasStart(path: string): Promise<boolean> {
  try {
    const { scripts } = JSON.parse(await readFile(path, 'utf8')) as { scripts?: object };
    return STARTS.some((name) => Object.hasOwn(scripts ?? {}, name));
  } catch {
    return true;
  }
}
