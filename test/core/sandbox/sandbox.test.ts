import { randomUUID } from 'node:crypto';
import { link, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENGINES } from '../../../servers/core/sandbox/sandbox.ts';
import { attack, loot } from './attack.ts';
import { type Mode, openMode, processesWith } from './mode.ts';

const held: string[] = [];
const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));
/** Ignores TERM, leaves its session and its parent, and is recognised by `mark` on the whole machine. */
const stubborn = (mark: string) =>
  `trap '' TERM; setsid sh -c 'trap "" TERM; (sleep 300 & while :; do sleep 1; done) & : ${mark}; wait' & `;

describe.concurrent.each(ENGINES.filter(({ isolation }) => isolation === 'full'))(
  '$name',
  ({ name, enforced }) => {
    let mode: Mode;
    let missing: string | undefined;
    beforeAll(async () => {
      const opened = await openMode(name);
      if (typeof opened === 'string') missing = opened;
      else {
        mode = opened;
        held.push(name);
      }
    });
    afterAll(() => mode?.close());
    const row = (title: string, act: () => Promise<void>) =>
      test(title, async (context) => {
        expect(missing ?? '').not.toMatch(/: a run /); // it starts here but does not hold: no reason to skip
        context.skip(missing !== undefined, `this machine can't: ${missing}`);
        await act();
      });
    const marked = async (mark: string, count = 1) => {
      await vi.waitFor(() => expect(processesWith(mark)).toBeGreaterThanOrEqual(count), {
        timeout: 10_000,
        interval: 20,
      });
    };

    row('keeps hostile code from everything of the server that is reachable outside', async () => {
      const control = async () => {
        const all = { environment: true, file: true, port: true, socket: true, abstract: true, signal: true };
        expect(loot(await mode.outside(attack(mode.decoy)))).toMatchObject({ ...all, writeFolder: true });
      };
      await control();
      const result = await mode.run({ command: attack(mode.decoy), work: await mode.workFolder() });
      expect(result).toMatchObject({ exit: 0, isolation: 'full', engine: name, killedBy: null });
      const { pids, signal, ...rest } = loot(result.stdout);
      expect(Object.entries(rest).filter(([, got]) => got)).toEqual([]);
      expect(signal && mode.decoy.pid > 20).toBe(false);
      expect(pids).toBeLessThanOrEqual(4);
      await control();
    });

    row('gives the run its folder, the environment that was named, and no more', async () => {
      const work = await mode.workFolder({ 'sub/in.txt': 'hello' });
      const command = ['sh', '-c', 'env | sort; pwd; cat; cp in.txt out.txt; chmod 6755 out.txt'] as const;
      const result = await mode.run({ command, work, cwd: 'sub', env: { COLOUR: 'blue' }, input: 'typed\n' });
      const expected =
        'CI=true COLOUR=blue HOME=/home/run LANG=C.UTF-8 PATH=/opt:/usr/local/bin:/usr/bin:/bin';
      expect(result.stdout.split('\n')).toEqual([
        ...expected.split(' '),
        'PWD=/job/sub',
        'TMPDIR=/tmp',
        '/job/sub',
        'typed',
        '',
      ]);
      expect(await readFile(join(work, 'sub/out.txt'), 'utf8')).toBe('hello');
      const { uid, mode: bits } = await stat(join(work, 'sub/out.txt'));
      expect(uid).toBe(mode.uid);
      if (enforced.uid === 'own') expect(bits & 0o6000).toBe(0);
    });

    row('holds no capability, gains none, and has the system call filter it claims', async () => {
      const script =
        'grep -E "^(Cap...|NoNewPrivs|Seccomp):" /proc/self/status; unshare --user true && echo nested';
      const { stdout } = await mode.run({ command: ['sh', '-c', script], work: await mode.workFolder() });
      expect(stdout.match(/^Cap(Prm|Eff|Bnd|Amb|Inh):\t0{16}$/gm)).toHaveLength(5);
      expect(stdout).toContain('NoNewPrivs:\t1');
      expect(stdout).toContain(`Seccomp:\t${enforced.seccomp ? 2 : 0}`);
      expect(stdout.includes('nested')).toBe(enforced.userNamespaces === 'open');
    });

    row('kills the whole tree when time is up', async () => {
      const mark = randomUUID();
      const command = ['sh', '-c', `${stubborn(mark)} while :; do sleep 1; done`] as const;
      const running = mode.run({ command, work: await mode.workFolder(), limits: { wallMs: 1500 } });
      await marked(mark, 2);
      expect(await running).toMatchObject({ exit: null, signal: 'SIGKILL', killedBy: 'time' });
      expect(processesWith(mark)).toBe(0);
      expect((await running).ms).toBeLessThan(4000);
    });

    row('kills what the command left behind, what is aborted, and what floods', async () => {
      const [left, aborted] = [randomUUID(), randomUUID()];
      const work = await mode.workFolder();
      const leaving = mode.run({ command: ['sh', '-c', `${stubborn(left)} sleep 0.5; exit 7`], work });
      await marked(left);
      expect(await leaving).toMatchObject({ exit: 7, killedBy: null });
      expect(processesWith(left)).toBe(0);

      const abort = marked(aborted);
      const command = ['sh', '-c', `${stubborn(aborted)} sleep 60`] as const;
      expect(await mode.run({ command, work }, { abort })).toMatchObject({ exit: null, killedBy: 'abort' });
      expect(processesWith(aborted)).toBe(0);

      const flood = await mode.run({ command: ['yes'], work, limits: { outputBytes: 50_000 } });
      expect(flood).toMatchObject({ killedBy: 'output', truncated: true });
      expect(flood.stdout).toHaveLength(50_000);
    });

    row('dies with the server', async () => {
      const doomed = await openMode(name);
      if (typeof doomed === 'string') throw new Error(doomed);
      const mark = randomUUID();
      doomed
        .run({ command: ['sh', '-c', `${stubborn(mark)} sleep 60`], work: await doomed.workFolder() })
        .catch(() => {});
      await marked(mark, 2);
      doomed.killServer();
      await vi.waitFor(() => expect(processesWith(mark)).toBe(0), { timeout: 3000, interval: 20 });
      doomed.close();
    });

    row('stops a fork bomb and oversized files', async () => {
      const work = await mode.workFolder();
      const bomb = `let n = 0; const { spawn } = require('node:child_process');
      const next = () => spawn('sleep', ['60']).on('spawn', () => { n++; next(); }).on('error', () => { console.log(n); process.exit(); });
      next();`;
      const limits = { processes: 60, wallMs: 10_000 };
      const result = await mode.run({ command: ['node', '-e', bomb], work, limits });
      expect(Number(result.stdout)).toBeGreaterThan(5);
      expect(Number(result.stdout)).toBeLessThan(60);

      const fill =
        'head -c 9000000 /dev/zero >big; head -c 9000000 /dev/zero >/tmp/big; stat -c %s big /tmp/big';
      const sizes = { fileBytes: 5_000_000, tmpBytes: 1_048_576 };
      const filled = await mode.run({ command: ['sh', '-c', fill], work, limits: sizes });
      expect(filled.stdout).toBe('5000000\n1048576\n');
    });

    row('keeps two runs apart, each with a loopback of its own', async () => {
      const script = `const http = require('node:http');
      http.createServer((q, a) => a.end(process.argv[1])).listen(8080, '127.0.0.1', async () => {
        await new Promise((done) => setTimeout(done, 400));
        console.log(await (await fetch('http://127.0.0.1:8080')).text());
        process.exit();
      }).on('error', (e) => console.log(e.code));`;
      const start = async (name: string) =>
        mode.run({ command: ['node', '-e', script, '--', name], work: await mode.workFolder() });
      const both = await Promise.all([start('one'), start('two')]);
      expect(both.map(({ stdout }) => stdout)).toEqual(['one\n', 'two\n']);
    });

    row('runs node --test, npm and workerd, with dependencies as a layer', async () => {
      const work = await mode.workFolder({
        'a.test.mjs': `import test from 'node:test';
        import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
        test('answers', async () => {
          const script = 'export default { fetch: () => new Response("from workerd") }';
          const worker = new Miniflare(convertV4MiniflareOptions({ name: 'w', modules: true, script }));
          console.log(await (await worker.dispatchFetch('http://x')).text());
          await worker.dispose();
        });`,
        'package.json': '{"scripts":{"test":"node --test"}}',
      });
      const layers = [{ from: NODE_MODULES, at: '/node_modules' }];
      const result = await mode.run({ command: ['npm', 'test'], work, layers, limits: { wallMs: 20_000 } });
      expect(result.stdout).toContain('from workerd');
      expect(result).toMatchObject({ exit: 0 });
      const write = await mode.run({ command: ['touch', '/node_modules/x'], work, layers });
      expect(write.stderr).toContain('Read-only');
    });

    row('refuses a folder with hard links to outside and places where layers may not go', async () => {
      const work = await mode.workFolder();
      const outside = join(mode.decoy.folder, `linked-${randomUUID()}`);
      await writeFile(outside, 'x');
      await link(outside, join(work, 'inside'));
      await expect(mode.run({ command: ['true'], work })).rejects.toThrow('hard-linked');
      const clean = await mode.workFolder();
      for (const at of ['/job/x', '/usr', '/', 'x', '/a/../usr', '/etc/x']) {
        await expect(
          mode.run({ command: ['true'], work: clean, layers: [{ from: tmpdir(), at }] }),
        ).rejects.toThrow('mounted at');
      }
      for (const cwd of ['..', '/etc', 'a/../../b']) {
        await expect(mode.run({ command: ['true'], work: clean, cwd })).rejects.toThrow('has to lie');
      }
      await expect(mode.run({ command: ['true'], work: clean, env: { 'A B': '' } })).rejects.toThrow(
        'environment',
      );
    });
  },
);

describe.concurrent.each(ENGINES.filter(({ isolation }) => isolation !== 'full'))(
  '$name',
  ({ name, isolation, enforced }) => {
    test('says how little it holds, and still ends the tree', async (context) => {
      const mode = await openMode(name);
      if (typeof mode === 'string') return context.skip(`this machine can't: ${mode}`);
      const mark = randomUUID();
      const command = ['sh', '-c', `${stubborn(mark)} while :; do sleep 1; done`] as const;
      const running = mode.run({ command, work: await mode.workFolder(), limits: { wallMs: 1500 } });
      await vi.waitFor(() => expect(processesWith(mark)).toBeGreaterThan(1), {
        timeout: 10_000,
        interval: 20,
      });
      expect(await running).toMatchObject({ killedBy: 'time', isolation, enforced });
      await sleep(50);
      expect(processesWith(mark)).toBe(0);

      const seen = loot(
        (await mode.run({ command: attack(mode.decoy), work: await mode.workFolder() })).stdout,
      );
      expect(seen).toMatchObject({
        descriptor: false,
        port: true,
        environment: isolation === 'none',
        file: isolation === 'none',
      });
      mode.close();
    });
  },
);

test('at least one engine with full isolation holds on this machine', () => {
  expect(held).not.toEqual([]);
});
