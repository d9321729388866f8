import type { Command } from 'commander';
import { PRESETS } from '../../../servers/core/factory/create.ts';
import type { Definition } from '../../../servers/core/factory/parse.ts';
import { definitionAt } from '../../definition.ts';
import { findFactory } from '../../factories.ts';
import { CommandError, EXIT } from '../../failures.ts';
import { type GlobalOptions, handled } from '../../handled.ts';
import type { Result } from '../../io.ts';

export function audit(group: Command): void {
  group
    .command('audit')
    .description(
      'what the words of each role cost, and what is wrong with them; the files of the factory as they lie on the disk, or the shipped factories where there is none',
    )
    .option('--factory-file <file>', 'a preset or a factory file instead')
    .action(handled<{ factoryFile?: string }>((_io, options) => run(options)));
}

async function run(options: GlobalOptions & { factoryFile?: string }): Promise<Result> {
  const { auditAll, estimatedTokens, reportOf } = await import('../../audit/report.ts');
  const { audits, readSources } = await auditAll(await definitionsFor(options), estimatedTokens);
  const findings = audits.flatMap((each) => each.findings);
  const notes = [
    'Tokens are estimated, four characters each; trials of words that run now are not part of it.',
    ...(readSources ? [] : ['Remedies were not looked at: that takes the sources.']),
  ];
  return {
    value: { audits, tokens: 'estimated', remedies: readSources },
    text: [reportOf(audits), '', ...notes].join('\n'),
    ...(findings.length > 0 && {
      exit: EXIT.failed,
      failure: {
        code: 'FINDINGS',
        message: `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'} in the words.`,
        remedy: 'Correct what each names, then run it again.',
      },
    }),
  };
}

async function definitionsFor(options: GlobalOptions & { factoryFile?: string }): Promise<Definition[]> {
  const files = options.factoryFile ? [options.factoryFile] : await filesOfFactory(options);
  return Promise.all(files.map(async (file) => (await definitionAt(file)).definition));
}

/** The definition of the factory that is meant; the presets where none is. */
async function filesOfFactory(options: GlobalOptions): Promise<readonly string[]> {
  try {
    return [(await findFactory(options)).definition];
  } catch (error) {
    if (error instanceof CommandError && error.code === 'NO_FACTORY' && options.factory === undefined)
      return PRESETS;
    throw error;
  }
}
