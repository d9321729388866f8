import { createHash } from 'node:crypto';
import {
  failed,
  type StubAnswer,
  type StubDeployment,
  type StubProject,
  type VercelState,
} from './vercel_state.ts';

interface Asked {
  query: URLSearchParams;
  json: Record<string, unknown>;
  bytes: Buffer;
  digest: string | undefined;
  /** The host under which a project, or a deployment, answers. */
  hostOf(id: string): string;
}

type Route = (state: VercelState, asked: Asked, one: string, two: string) => StubAnswer;

let count = 0;
const next = () => {
  count += 1;
  return count;
};

/**
 * Vercel's API as vercel.com/docs/rest-api describes it: the paths, fields and error bodies that the target relies on.
 * `missing_files`, the metadata of deployments and `prebuilt=1` are as the source of Vercel's own CLI has them.
 */
const ROUTES: [RegExp, Route][] = [
  [
    /^GET \/v10\/projects$/,
    (state, { query }) => paged(state, 'projects', state.projects.map(shownProject), query.get('from')),
  ],
  [/^POST \/v11\/projects$/, makeProject],
  [
    /^GET \/v9\/projects\/([^/]+)$/,
    withProject((_state, _asked, project) => ({ status: 200, body: shownProject(project) })),
  ],
  [
    /^DELETE \/v9\/projects\/([^/]+)$/,
    withProject((state, _asked, project) => {
      state.projects = state.projects.filter((one) => one !== project);
      return { status: 204 };
    }),
  ],
  [
    /^GET \/v9\/projects\/([^/]+)\/domains$/,
    withProject((state, { hostOf, query }, { id }) =>
      paged(
        state,
        'domains',
        [{ name: hostOf(id), redirect: null, gitBranch: null, verified: true }],
        query.get('until'),
      ),
    ),
  ],
  [/^POST \/v10\/projects\/([^/]+)\/env$/, withProject(setEnvironment)],
  [/^POST \/v2\/files$/, takeFile],
  [/^POST \/v13\/deployments$/, makeDeployment],
  [/^GET \/v6\/deployments$/, listDeployments],
  [/^GET \/v13\/deployments\/([^/]+)$/, oneDeployment],
  [/^GET \/v4\/aliases\/([^/]+)$/, oneAlias],
  [/^POST \/v10\/projects\/([^/]+)\/promote\/([^/]+)$/, withProject(lead('promote'))],
  [/^POST \/v1\/projects\/([^/]+)\/rollback\/([^/]+)$/, withProject(lead('rollback'))],
];

export function answerOf(state: VercelState, call: string, asked: Asked): StubAnswer {
  for (const [pattern, route] of ROUTES) {
    const found = pattern.exec(call);
    if (found) return route(state, asked, found[1] ?? '', found[2] ?? '');
  }
  return failed(404, 'not_found');
}

function withProject(
  route: (state: VercelState, asked: Asked, project: StubProject, more: string) => StubAnswer,
): Route {
  return (state, asked, name, more) => {
    const project = state.projects.find((one) => one.id === name || one.name === name);
    return project ? route(state, asked, project, more) : failed(404, 'not_found');
  };
}

function makeProject(state: VercelState, { json }: Asked): StubAnswer {
  if (state.projects.some(({ name }) => name === json.name)) return failed(409, 'conflict');
  const n = next();
  const ssoProtection =
    json.ssoProtection === undefined ? { deploymentType: 'all_except_custom_domains' } : null;
  const made = { id: `prj_${n}`, name: String(json.name), createdAt: n, ssoProtection };
  state.projects.push({ ...made, env: {}, served: null, lastAliasRequest: null });
  return { status: 200, body: made };
}

const shownProject = ({ env, served, ...shown }: StubProject) => shown;

function setEnvironment(_state: VercelState, { json, query }: Asked, project: StubProject): StubAnswer {
  const all = json as unknown as { key: string; value: string; type: string; target: string[] }[];
  const taken = all.filter(({ key }) => key in project.env && query.get('upsert') !== 'true');
  if (taken.length > 0) return failed(403, 'ENV_CONFLICT');
  for (const { key, value } of all) project.env[key] = value;
  return { status: 201, body: { created: all.map(({ key }) => ({ key })), failed: [] } };
}

function takeFile(state: VercelState, { bytes, digest }: Asked): StubAnswer {
  if (createHash('sha1').update(bytes).digest('hex') !== digest) return failed(400, 'invalid_file');
  state.files.set(digest, bytes);
  return { status: 200 };
}

function makeDeployment(state: VercelState, { json, query, hostOf }: Asked): StubAnswer {
  const asked = json as {
    project: string;
    target: string;
    files: { file: string; sha: string }[];
    meta: Record<string, string>;
    autoAssignCustomDomains: boolean;
  };
  const project = state.projects.find(({ id }) => id === asked.project);
  if (!project || query.get('prebuilt') !== '1') return failed(400, 'bad_request');
  const missing = asked.files.map(({ sha }) => sha).filter((sha) => !state.files.has(sha));
  if (missing.length > 0) return failed(400, 'missing_files', { missing: [...new Set(missing)] });
  const n = next();
  const made: StubDeployment = {
    id: `dpl_${n}`,
    projectId: project.id,
    readyState: 'BUILDING',
    readySubstate: 'STAGED',
    created: n,
    meta: asked.meta,
    files: new Map(asked.files.map(({ file, sha }) => [file, state.files.get(sha) as Buffer])),
    env: { ...project.env },
  };
  state.deployments.unshift(made);
  if (asked.autoAssignCustomDomains || state.assigns) project.served = made.id;
  return { status: 200, body: shownDeployment(made, hostOf) };
}

const shownDeployment = ({ files, env, handler, ...shown }: StubDeployment, hostOf: Asked['hostOf']) => ({
  ...shown,
  url: hostOf(shown.id),
});

function listDeployments(state: VercelState, { query }: Asked): StubAnswer {
  const of = state.deployments.filter(({ projectId }) => projectId === query.get('projectId'));
  const items = of.map(({ id, readyState, created, meta }) => ({ uid: id, readyState, created, meta }));
  return paged(state, 'deployments', items, query.get('until'));
}

function oneDeployment(state: VercelState, { hostOf }: Asked, id: string): StubAnswer {
  const found = state.deployments.find((one) => one.id === id);
  if (!found) return failed(404, 'not_found');
  const body = shownDeployment(found, hostOf);
  if (found.readyState === 'BUILDING') found.readyState = 'READY';
  return { status: 200, body };
}

function oneAlias(state: VercelState, { hostOf }: Asked, host: string): StubAnswer {
  const project = state.projects.find(({ id }) => hostOf(id) === host);
  if (!project?.served) return failed(404, 'not_found');
  return { status: 200, body: { uid: `als_${project.id}`, alias: host, deploymentId: project.served } };
}

function lead(type: 'promote' | 'rollback') {
  return (state: VercelState, _asked: Asked, project: StubProject, id: string): StubAnswer => {
    const to = state.deployments.find((one) => one.id === id && one.projectId === project.id);
    if (to?.readyState !== 'READY') return failed(404, 'not_found');
    if (type === 'rollback' && to.readySubstate !== 'PROMOTED') return failed(422, 'not_rollbackable');
    project.lastAliasRequest = { jobStatus: state.promotions, requestedAt: next(), toDeploymentId: id, type };
    if (state.promotions === 'succeeded') {
      project.served = id;
      to.readySubstate = 'PROMOTED';
    }
    return { status: 201 };
  };
}

/** Pages of any listing; the parameter is the number of the first entry. */
function paged(state: VercelState, key: string, items: readonly unknown[], from: string | null): StubAnswer {
  const start = Number(from ?? 0);
  const shown = items.slice(start, start + state.page);
  const end = start + shown.length;
  const pagination = { count: shown.length, next: end < items.length ? end : null, prev: null };
  return { status: 200, body: { [key]: shown, pagination } };
}
