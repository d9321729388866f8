import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { importLayer } from '../../servers/core/sandbox/dependencies.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';

export function layer(program: Command): void {
  const group = program
    .command('layer')
    .description("a product's installed dependencies, as the gates see them in the sandbox");
  group
    .command('import <modules>')
    .description(
      'make the layer of a lockfile from modules that are installed already, for a machine without a registry',
    )
    .requiredOption('--product <dir>', 'the folder with package.json and package-lock.json')
    .action(
      handled<{ product: string }>((_io, options, modules = '') =>
        withFactory(options, async ({ paths }) => {
          const lockfile = join(resolve(options.product), 'package-lock.json');
          if (!(await stat(lockfile).catch(() => undefined))?.isFile()) throw noLockfile(lockfile);
          const from = { lockfileDir: resolve(options.product), store: paths.layers };
          const { digest, path } = await importLayer(resolve(modules), from);
          return { value: { digest, path }, text: `Layer ${digest} is in ${path}.` };
        }),
      ),
    );
}

const noLockfile = (path: string) =>
  new CommandError(
    'NO_LOCKFILE',
    `There is no lockfile ${path}.`,
    'Run `npm install --package-lock-only` in the product, then name its folder with --product.',
    EXIT.usage,
  );
