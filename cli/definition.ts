import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PRESETS, readDefinition } from '../servers/core/factory/create.ts';
import {
  type Definition,
  DefinitionError,
  type DefinitionFiles,
  parseDefinition,
  requireWords,
} from '../servers/core/factory/parse.ts';
import { CommandError, EXIT } from './failures.ts';

/**
 * The definition that a preset's name or a path stands for, read and checked. Throws `CommandError` when there is
 * no such file, or when it is wrong: then with the file's own path, the line, and what to write instead.
 */
export async function definitionAt(
  nameOrFile: string,
): Promise<{ files: DefinitionFiles; definition: Definition }> {
  const isPreset = (PRESETS as readonly string[]).includes(nameOrFile);
  const file = isPreset ? nameOrFile : resolve(nameOrFile);
  if (!isPreset && !(await stat(file).catch(() => undefined))?.isFile()) throw noFile(file);
  const files = await readDefinition(file);
  try {
    const definition = parseDefinition(files);
    requireWords(definition);
    return { files, definition };
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    throw wrong(error.message, file);
  }
}

/** The parser knows the files by the names they have in a factory's folder, and YAML repeats the line at the end. */
function wrong(message: string, file: string): CommandError {
  const [, name = '', line = '', says = ''] = /^([^:]+):(\d+): (.*)$/s.exec(message) ?? [];
  const path = name === 'factory.yaml' ? file : join(dirname(file), name);
  return new CommandError(
    'FACTORY_INVALID',
    `${path}:${line}: ${says.replace(/ at line \d+, column \d+:$/, '.')}`,
    'Correct that line; `millwright factory check FILE` says when the file is right.',
  );
}

const noFile = (file: string) =>
  new CommandError(
    'NO_FILE',
    `There is no factory file ${file}.`,
    `Name one of ${PRESETS.join(', ')}, or the path of a factory file.`,
    EXIT.usage,
  );
