import type { Clock } from '../../clock.ts';
import { ToolError } from '../../errors.ts';
import type { BookedVersion, VersionBook } from '../book.ts';
import { checkName, checkShares } from '../names.ts';
import { KINDS } from '../needs.ts';
import type { Target } from '../target.ts';
import { isUploaded, tagOf } from '../upload_checks.ts';
import type { VercelClient } from './client.ts';
import { deploymentOf, makeDeployment, type Pace, tagIn } from './deployments.ts';
import { nothingOutput, outputOf } from './output.ts';
import {
  ensureProject,
  findProject,
  listProjects,
  projectOf,
  refuseProtected,
  removeProject,
  setSecrets,
} from './projects.ts';
import { hostOf, lead, servedAt } from './traffic.ts';

/** The tag of the deployment that answers where nothing is released. */
const NOTHING = 'nothing';

export interface VercelTargetOptions {
  client: VercelClient;
  book: VersionBook;
  clock: Clock;
  pace: Pace;
}

/**
 * The target Vercel, over its REST API and nothing else: no process is started and no file of a project is read here.
 *
 * A Worker is a project. A version is a deployment of the verified bundle in the form of Vercel's build output, so
 * nothing is built there; it is staged: it answers at an address of its own until it is promoted. Vercel gives all
 * traffic of a project to one deployment, so nothing is split and a release has no canaries.
 */
export function openVercelTarget({ client, book, clock, pace }: VercelTargetOptions): Target {
  async function versionOf(product: string, version: string): Promise<BookedVersion & { remote: string }> {
    const known = await book.find(checkName(product), version);
    if (known?.remote != null) return { ...known, remote: known.remote };
    throw neverUploaded(product, version);
  }

  return {
    name: 'vercel',
    splits: false,
    kinds: ['worker'],
    resources: () => listProjects(client),

    async ensure({ kind, name }) {
      if (kind === 'worker') return ensureProject(client, checkName(name));
      throw new ToolError(
        'INVALID_INPUT',
        `Vercel has no ${KINDS[kind]}.`,
        'Propose a plan without it, or for another target, with infra_propose.',
        { rule: 'infra.kind' },
      );
    },

    remove: ({ id }) => removeProject(client, id),

    async upload(version) {
      if (await isUploaded(book, version)) return;
      const files = outputOf(version);
      const project = await projectOf(client, version.config.name);
      refuseProtected(project);
      await book.add(version, clock.now());
      await setSecrets(client, project, version.secrets);
      const host = await hostOf(client, project);
      const served = await servedAt(client, host);
      const remote = await makeDeployment(client, project, { files, tag: tagOf(version) }, pace);
      if (served !== null && served !== remote && (await servedAt(client, host)) === remote) {
        await lead(client, project, served, pace);
        throw notStaged(project.name);
      }
      await book.setRemote(version.product, version.version, remote);
    },

    async migrate(product, version) {
      await versionOf(product, version);
      return [];
    },

    async split(product, shares) {
      const [{ version }, second] = checkShares(shares);
      if (second) throw whole(product);
      const { worker, remote } = await versionOf(product, version);
      return { url: client.origin(await lead(client, await projectOf(client, worker), remote, pace)) };
    },

    async serving(product) {
      const known = await book.newest(checkName(product));
      const project = known && (await findProject(client, known.worker));
      if (!project) return null;
      const host = await hostOf(client, project);
      const remote = await servedAt(client, host);
      if (remote === null) return null;
      const ours = await book.byRemote(remote);
      if (!ours && tagIn(await deploymentOf(client, remote)) === NOTHING) return null;
      return { shares: [{ version: ours?.version ?? remote, percent: 100 }], url: client.origin(host) };
    },

    async previewUrl(product, version) {
      const { remote } = await versionOf(product, version);
      return client.origin((await deploymentOf(client, remote)).url);
    },

    numbers: async () => null,

    async retire(product) {
      const known = await book.newest(checkName(product));
      const project = known && (await findProject(client, known.worker));
      if (!project || (await servedAt(client, await hostOf(client, project))) === null) return;
      const nothing = { files: nothingOutput(), tag: NOTHING };
      await lead(client, project, await makeDeployment(client, project, nothing, pace), pace);
    },
  };
}

const notStaged = (project: string) =>
  new ToolError(
    'CONFLICT',
    `Vercel gave a version of ${project} traffic before it was released; what was served before is served again.`,
    'Say so in task_block; a human turns the automatic assignment of production domains off in the project.',
    { rule: 'vercel.staged' },
  );

const whole = (product: string) =>
  new ToolError(
    'INVALID_INPUT',
    `Vercel gives all traffic of ${product} to one version; it can't be split.`,
    'Look at the version at its own address, then give it all traffic with release_advance.',
    { rule: 'target.whole' },
  );

const neverUploaded = (product: string, version: string) =>
  new ToolError(
    'NOT_FOUND',
    `The version ${version.slice(0, 80)} of ${product} was never uploaded to Vercel.`,
    'Call release_list for the versions that exist.',
  );
