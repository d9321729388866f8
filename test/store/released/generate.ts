import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MIGRATIONS } from '../../../servers/core/store/migrate.ts';
import { dump } from '../filled.ts';

/**
 * `node test/store/released/generate.ts VERSION`: writes what a released schema looks like with data in every table.
 * Run it once, at the release of that schema; a dump that is there is never written anew.
 */
const version = Number(process.argv[2]);
if (!MIGRATIONS.some((step) => step.version === version)) throw new Error('Which schema? Give its version.');
for (const dialect of ['sqlite', 'postgres'] as const) {
  const file = fileURLToPath(new URL(`schema_${version}.${dialect}.sql`, import.meta.url));
  await writeFile(file, await dump(dialect, version), { flag: 'wx' });
}
