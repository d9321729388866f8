import { openServices } from '../../servers/core/open.ts';
import { applySigned } from '../../servers/provision/by_human.ts';
import { versionOf } from '../core/target/cloudflare_version.ts';

/** One process that brings a product up: an approved plan, then a version of it. Whatever it was killed at, it is told the same again. */
const [home = '', plan = ''] = process.argv.slice(2);
const services = await openServices(home, { log: () => {} });
const names = ['KEY'];
const version = versionOf(
  'R1',
  { d1: [{ binding: 'DB', database: 'shop' }], secrets: names, crons: ['0 3 * * *'] },
  {
    secrets: await services.secrets({ product: 'shop', target: 'cloudflare', names }),
    migrations: [{ database: 'shop', name: '0001.sql', sql: 'CREATE TABLE a (id INTEGER)' }],
  },
);
const target = await services.target('cloudflare');
await applySigned(services, Number(plan));
await target.upload(version);
await target.migrate('shop', 'R1');
await target.split('shop', [{ version: 'R1', percent: 100 }]);
await services.close();
process.exit(0);
