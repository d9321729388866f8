import { ToolError } from '../../errors.ts';
import { ASSET_RULES, ASSETS, ASSETS_ONLY } from '../digest.ts';
import { KINDS, resourcesOf } from '../needs.ts';
import type { BundleFile, WorkerConfig, WorkerVersion } from '../target.ts';
import { adapterText } from './adapter.ts';

const OUT = '.vercel/output';
const FUNCTION = `${OUT}/functions/index.func`;
const RUNTIME = 'nodejs22.x';

/**
 * The files of a deployment, in the form of the Build Output API (vercel.com/docs/build-output-api/v3): the verified
 * bundle as one function behind all routes, its assets as static files, and a configuration that the server made, so
 * nothing is built at Vercel. Throws INVALID_INPUT with rule `vercel.worker` for what Vercel does not have.
 */
export function outputOf({ files, config }: Pick<WorkerVersion, 'files' | 'config'>): BundleFile[] {
  refuseForeign(config, files);
  const modules = files.filter(({ path }) => !path.startsWith(ASSETS));
  const assets = files.filter(({ path }) => path.startsWith(ASSETS));
  return [
    json(`${OUT}/config.json`, siteOf(config, assets)),
    json(`${FUNCTION}/.vc-config.json`, LAUNCH),
    json(`${FUNCTION}/package.json`, { type: 'module' }),
    text(`${FUNCTION}/entry.mjs`, adapterText(`./worker/${config.main}`, config)),
    ...modules.map(({ path, bytes }) => ({ path: `${FUNCTION}/worker/${path}`, bytes })),
    ...assets.map(({ path, bytes }) => ({ path: `${OUT}/static/${path.slice(ASSETS.length)}`, bytes })),
  ];
}

/** What answers where nothing is released. */
export function nothingOutput(): BundleFile[] {
  const nothing =
    "export default (_request, answer) => { answer.statusCode = 503; answer.end('Nothing is released.'); };\n";
  return [
    json(`${OUT}/config.json`, { version: 3, routes: [{ src: '/(.*)', dest: '/index' }] }),
    json(`${FUNCTION}/.vc-config.json`, LAUNCH),
    text(`${FUNCTION}/entry.mjs`, nothing),
  ];
}

const LAUNCH = {
  runtime: RUNTIME,
  handler: 'entry.mjs',
  launcherType: 'Nodejs',
  shouldAddHelpers: false,
  supportsResponseStreaming: true,
};

const text = (path: string, content: string): BundleFile => ({ path, bytes: Buffer.from(content) });
const json = (path: string, value: unknown): BundleFile => text(path, JSON.stringify(value));

/** Static files first, then the page for what is missing, else the Worker; pages answer without `.html`. */
function siteOf({ assets }: WorkerConfig, files: readonly BundleFile[]) {
  const last = {
    none: { src: '/(.*)', dest: '/index' },
    '404-page': { src: '/(.*)', dest: '/404.html', status: 404 },
    'single-page-application': { src: '/(.*)', dest: '/index.html' },
  }[assets?.notFound ?? 'none'];
  const pages = files.map(({ path }) => path.slice(ASSETS.length)).filter((path) => path.endsWith('.html'));
  const named = pages.filter((path) => !/(?:^|\/)(?:index|404)\.html$/.test(path));
  const overrides = Object.fromEntries(named.map((path) => [path, { path: path.replace(/\.html$/, '') }]));
  return { version: 3, routes: [{ handle: 'filesystem' }, last], overrides };
}

function refuseForeign(config: WorkerConfig, files: readonly BundleFile[]): void {
  const [resource] = resourcesOf(config).filter(({ kind }) => kind !== 'worker');
  if (resource) throw foreign(`the ${KINDS[resource.kind]} ${resource.name}`);
  const [object] = config.durableObjects;
  if (object) throw foreign(`the Durable Object ${object.className}`);
  if (config.crons.length > 0) throw foreign(`the cron trigger "${config.crons[0]}"`);
  const { assets, main } = config;
  if (assets?.binding !== undefined || assets?.runWorkerFirst)
    throw foreign('a Worker that serves the assets');
  if (assets && assets.notFound !== 'none' && main !== ASSETS_ONLY)
    throw foreign(`not_found_handling "${assets.notFound}" beside a Worker`);
  const rules = ASSET_RULES.find((name) => files.some(({ path }) => path === `${ASSETS}${name}`));
  if (rules) throw foreign(`the rules of ${rules}`);
  for (const { path, bytes } of files.filter((one) => !one.path.startsWith(ASSETS))) {
    if (!/\.m?js$/.test(path)) throw foreign(`the module ${path}`);
    const named = /\b(?:from|import)\s*\(?\s*["'](cloudflare:[\w-]+)/.exec(Buffer.from(bytes).toString());
    if (named) throw foreign(`the module ${named[1]}`);
  }
}

const foreign = (what: string) =>
  new ToolError(
    'INVALID_INPUT',
    `The Worker asks for ${what}, which Vercel does not have.`,
    'Have the product planned for another target in infra.yaml (infra_propose), or the change corrected.',
    { rule: 'vercel.worker' },
  );
