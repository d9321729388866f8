import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import type { z } from 'zod';
import type { Auth, PlantedCase, RequestStep, RunStep, Step } from './corpus.ts';
import { type Answer, bundled, copied, type Sent, type Started } from './started.ts';

interface Stand {
  planted: PlantedCase;
  started?: Started | undefined;
  auth?: z.infer<typeof Auth> | undefined;
}

/** Plays the steps against a case. Undefined when all hold, else what did not. */
export async function refuted(steps: readonly Step[], stand: Stand): Promise<string | undefined> {
  const kept = new Map<string, string>();
  for (const [index, step] of steps.entries()) {
    const wrong = await fails(step, stand, kept);
    if (wrong) return `step ${index + 1}: ${wrong}`;
  }
  return undefined;
}

async function fails(step: Step, stand: Stand, kept: Map<string, string>): Promise<string | undefined> {
  if ('method' in step) return requestFails(step, stand, kept);
  if ('run' in step) return runFails(step, stand.planted);
  if ('file' in step) {
    const text = await readFile(join(stand.planted.dir, step.file), 'utf8').catch(() => '');
    return text.includes(step.has) ? undefined : `${step.file} has no ${step.has}`;
  }
  const { script } = await bundled(stand.planted);
  if ('bundle' in step) {
    const size = gzipSync(script).length;
    return size >= step.bundle.gzip_bytes_at_least ? undefined : `the bundle has ${size} bytes`;
  }
  return startupFails(step.startup, script);
}

async function requestFails(step: RequestStep, stand: Stand, kept: Map<string, string>) {
  const { started } = stand;
  if (!started) return 'it does not run';
  const send = (n: number) => started.send(filled(step, stand, kept, n));
  const times: number[] = [];
  const answers: Answer[] = [];
  if (step.parallel)
    answers.push(...(await Promise.all(Array.from({ length: step.parallel }, (_, n) => send(n)))));
  else
    for (let n = 0; n < (step.repeat ?? 1); n++) {
      const before = performance.now();
      answers.push(await send(n));
      times.push(performance.now() - before);
    }
  for (const [name, field] of Object.entries(step.keep ?? {}))
    kept.set(name, String(JSON.parse(answers[0]?.text ?? '{}')[field]));
  const wrong = answers.map((answer) => differs(answer, step.expect));
  const right = wrong.filter((reason) => reason === undefined).length;
  if (right < (step.expect.times ?? answers.length)) return wrong.find((reason) => reason !== undefined);
  const { min_ms = 0 } = step.expect;
  const median = times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
  return median < min_ms ? `${median.toFixed(1)} ms, not ${min_ms}` : undefined;
}

function filled(step: RequestStep, { started, auth }: Stand, kept: Map<string, string>, n: number): Sent {
  const fill = (text: string) =>
    text.replace(/\$\{(\w+)\}/g, (whole, name) =>
      name === 'origin' ? (started?.origin ?? '') : name === 'n' ? String(n) : (kept.get(name) ?? whole),
    );
  const user = [...(auth?.users ?? []), ...(auth?.admin ? [auth.admin] : [])].find(
    ({ name }) => name === step.as,
  );
  const role = step.as === 'expired' ? auth?.expired : step.as === 'admin' ? auth?.admin : user;
  if (step.as && !role) throw new Error(`the auth file has no ${step.as}`);
  const body = step.fill ? 'x'.repeat(step.fill) : step.body;
  return {
    method: step.method,
    path: fill(step.path),
    headers: { ...role?.headers, ...step.headers },
    ...(body === undefined ? {} : { body: fill(body) }),
  };
}

function differs({ status, text, headers }: Answer, expect: RequestStep['expect']): string | undefined {
  if (status !== expect.status) return `${status}, not ${expect.status}: ${text.slice(0, 200)}`;
  if (expect.body !== undefined && !text.includes(expect.body))
    return `no ${expect.body} in ${text.slice(0, 200)}`;
  if (expect.lacks !== undefined && text.includes(expect.lacks)) return `there is ${expect.lacks}`;
  for (const [name, part] of Object.entries(expect.header ?? {}))
    if (!headers.get(name)?.includes(part)) return `${name} is ${headers.get(name)}`;
  for (const [name, part] of Object.entries(expect.header_lacks ?? {}))
    if (headers.get(name)?.includes(part)) return `${name} is ${headers.get(name)}`;
  return undefined;
}

async function runFails(step: RunStep, planted: PlantedCase): Promise<string | undefined> {
  const dir = await copied(planted);
  if (step.over) await cp(join(planted.dir, step.over), dir, { recursive: true });
  const [program = '', ...args] = step.run;
  const wished = step.expect.exits ?? [];
  const seen = new Set<number>();
  let all = '';
  for (
    let run = 0;
    run < (step.runs ?? 1) && !(wished.length > 1 && wished.every((exit) => seen.has(exit)));
    run++
  ) {
    // A test of a project must not take itself for a part of the suite that runs this one.
    const env = { NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, PORT: '0' };
    const ended = await execa(program, args, {
      cwd: dir,
      env,
      reject: false,
      all: true,
      timeout: (step.within ?? 20) * 1000,
    });
    seen.add(ended.exitCode ?? -1);
    all += ended.all;
  }
  if (step.expect.exits && [...seen].sort().join() !== wished.join())
    return `exits with ${[...seen]}: ${all.slice(0, 500)}`;
  if (step.expect.exit !== undefined && !seen.has(step.expect.exit))
    return `exits with ${[...seen]}: ${all.slice(0, 500)}`;
  return all.includes(step.expect.output ?? '')
    ? undefined
    : `no ${step.expect.output} in ${all.slice(0, 500)}`;
}

async function startupFails(
  expect: { cpu_ms_at_least?: number | undefined; throws?: string | undefined },
  script: string,
) {
  const program = `const before = process.cpuUsage();
    delete globalThis.process;
    await import('data:text/javascript;base64,' + ${JSON.stringify(Buffer.from(script).toString('base64'))});
    const { user } = (await import('node:process')).default.cpuUsage(before);
    console.log('cpu_ms', Math.round(user / 1000));`;
  const { all, exitCode } = await execa('node', ['--input-type=module'], {
    input: program,
    reject: false,
    all: true,
  });
  if (expect.throws)
    return exitCode !== 0 && all.includes(expect.throws) ? undefined : `it starts: ${all.slice(0, 300)}`;
  const spent = Number(/cpu_ms (\d+)/.exec(all)?.[1] ?? 0);
  return spent >= (expect.cpu_ms_at_least ?? 0) ? undefined : `${spent} ms of CPU: ${all.slice(0, 300)}`;
}
