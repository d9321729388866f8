import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runOnCommit } from '../../servers/core/clean_run.ts';
import { headOfMain } from '../../servers/core/git/authority.ts';
import { treeOf } from '../../servers/core/git/objects.ts';
import { gateSite } from './site.ts';

const MANIFEST = JSON.stringify({ name: 'p', version: '1.0.0', dependencies: { greeting: '1.0.0' } });
const LOCK = JSON.stringify({
  name: 'p',
  lockfileVersion: 3,
  packages: {
    '': { dependencies: { greeting: '1.0.0' } },
    'node_modules/greeting': {
      version: '1.0.0',
      integrity: 'sha512-x',
      resolved: 'https://registry.invalid/g.tgz',
    },
  },
});

test('runs in the committed bytes and nothing else, with its dependency layer, and leaves no folder', async () => {
  const files = { 'package.json': MANIFEST, 'package-lock.json': LOCK, 'a.txt': 'one\r\n' };
  const { services, authority } = await gateSite({ files });
  const digest = await layerOf(services.paths.layers);
  const commit = await headOfMain(authority);

  const result = await runOnCommit(services, {
    commit,
    command: ['node', '-e', "console.log(require('greeting'), require('fs').readdirSync('.').sort().join())"],
    prepare: (folder) => writeFile(join(folder, 'added'), ''),
  });

  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('hello a.txt,added,package-lock.json,package.json\n');
  expect(result).toMatchObject({ exit: 0, isolation: 'full', dependencies: digest });
  expect(result.tree).toBe(await treeOf(authority, commit));
  expect(await readdir(services.paths.work)).toEqual([]);
});

test('a commit that is not there, and a run that cannot start, leave no folder either', async () => {
  const { services, authority } = await gateSite();
  const commit = await headOfMain(authority);

  await expect(runOnCommit(services, { commit: 'a'.repeat(40), command: ['true'] })).rejects.toThrow();
  await expect(runOnCommit(services, { commit: 'HEAD', command: ['true'] })).rejects.toThrow('full id');
  await expect(runOnCommit(services, { commit, command: ['--flag'] })).rejects.toThrow('name or path');

  expect(await readdir(services.paths.work)).toEqual([]);
});

/** Puts a finished layer where an earlier installation would have left it. */
async function layerOf(store: string): Promise<string> {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${process.versions.modules}\n`,
  );
  hash.update(`package.json ${MANIFEST.length}\n`).update(MANIFEST);
  hash.update(`package-lock.json ${LOCK.length}\n`).update(LOCK);
  const digest = hash.digest('hex');
  await mkdir(join(store, digest, 'greeting'), { recursive: true });
  await writeFile(join(store, digest, 'greeting', 'index.js'), "module.exports = 'hello';");
  return digest;
}
