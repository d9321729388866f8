import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { attestations } from '../../servers/core/git/attest.ts';
import { verifyStatement } from '../../servers/core/signing/statement.ts';
import { gateSite, worker } from './site.ts';

const SECRET = 'decoy-of-the-factory';

interface Decoy {
  home: string;
  port: number;
  pid: number;
}

/** A test file that takes what it can, says what it got, forks children that outlive it, and never ends. */
const hostile = (decoy: Decoy) => `
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import test from 'node:test';
const decoy = ${JSON.stringify(decoy)};
const can = (act) => { try { return act() !== false; } catch { return false; } };
const holds = (path) => fs.readFileSync(path, 'latin1').includes('${SECRET}');
test('attacks', async () => {
  const reached = await new Promise((done) => {
    const socket = net.connect(decoy.port, '127.0.0.1', () => done(true));
    socket.on('error', () => done(false));
  });
  const loot = {
    environment: Object.values(process.env).some((value) => value.includes('${SECRET}')),
    serverEnvironment: can(() => holds('/proc/' + decoy.pid + '/environ')),
    anyEnvironment: fs.readdirSync('/proc').some((pid) => can(() => holds('/proc/' + pid + '/environ'))),
    folder: can(() => fs.readdirSync(decoy.home)),
    key: can(() => fs.readFileSync(decoy.home + '/keys/factory_key.pem')),
    throughRoot: can(() => fs.readdirSync('/proc/1/root' + decoy.home)),
    port: reached,
    written: can(() => fs.writeFileSync(decoy.home + '/written', 'x')),
    writtenUsr: can(() => fs.writeFileSync('/usr/millwright-written', 'x')),
    signalled: can(() => process.kill(decoy.pid, 0)),
  };
  console.log('LOOT ' + JSON.stringify(loot));
  const again = 'setInterval(() => {}, 1000); process.on("SIGTERM", () => {}); //' + ${JSON.stringify(decoy.home)};
  for (let i = 0; i < 3; i += 1)
    spawn(process.execPath, ['-e', again], { detached: true, stdio: 'ignore' }).unref();
  fs.chmodSync('.', 0o000);
  await new Promise(() => setInterval(() => {}, 1000));
});
`;

test('a hostile test gets nothing, leaves nothing behind and ends as a failed gate under full isolation', async () => {
  process.env.MILLWRIGHT_DECOY = SECRET;
  onTestFinished(() => void delete process.env.MILLWRIGHT_DECOY);
  let visitors = 0;
  const outside = createServer(() => (visitors += 1)).listen(0, '127.0.0.1');
  onTestFinished(() => void outside.close());
  const site = await gateSite({
    change: (definition) => {
      const { smoke } = definition.gates as unknown as Record<string, { seconds: number }>;
      if (smoke) smoke.seconds = 3;
    },
  });
  await site.services.key();
  await writeFile(join(site.home, 'secret'), SECRET);
  const developer = await worker(site, 'developer');
  const { port } = outside.address() as { port: number };
  const { commit_id } = await site.submit(developer, {
    'test/attack.test.js': hostile({ home: site.home, port, pid: process.pid }),
  });

  const ran = await developer.ok<{ gates: object[] }>('gate_run', { gates: ['smoke'] });

  const why = 'the tests failed (ended by the limit on time)';
  expect(ran.gates).toMatchObject([{ gate: 'smoke', closed: false, isolation: 'full', why }]);
  const row = await site.services.store.db.selectFrom('gate_results').selectAll().executeTakeFirstOrThrow();
  const loot = JSON.parse(/LOOT (\{.*\})/.exec(row.log)?.[1] ?? '{"nothing":"was tried"}');
  expect(loot).toEqual({
    environment: false,
    serverEnvironment: false,
    anyEnvironment: false,
    folder: false,
    key: false,
    throughRoot: false,
    port: false,
    written: false,
    writtenUsr: false,
    signalled: false,
  });
  expect(visitors).toBe(0);
  await expect(access(join(site.home, 'written'))).rejects.toThrow('ENOENT');
  expect(await leftProcesses(site.home)).toEqual([]);
  const [kept] = await attestations(site.authority, commit_id);
  const { publicKey } = await site.services.key();
  const statement = verifyStatement(kept?.bytes ?? '', { keys: [publicKey], commit: commit_id });
  expect(statement.predicate).toMatchObject({ gate: 'smoke', closed: false, isolation: 'full' });
  expect(await readdir(site.services.paths.work)).toEqual([]);
});

/** Command lines of processes that name the decoy's folder: the forked children do. */
async function leftProcesses(home: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(home));
}
