import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { HttpRequest, Identities, Input, Severity } from '../probe/types.ts';
import { type ProductConfig, type RunningProduct, startProduct } from '../product/worker.ts';
import { COUNT_HEADER, COUNTING_MAIN, writeCountingMain } from './counting.ts';
import { LIMITS, type Plan } from './limits.ts';
import { childrenNamed, cpuOf } from './process_cpu.ts';
import { type Culprit, profiled } from './profile.ts';
import { findRoutes, type Route, type Routes } from './routes.ts';

/** Ticks of 10 ms over this many requests tell a millisecond; the same again confirms. */
const SAMPLE = 20;
const FEW = 5;
const PROFILED = 10;
const ROUTE_MS = 6_000;

export interface RouteCost {
  where: string;
  status: number;
  /** Process time of the runtime for one warm request, less that of a Worker that does nothing. */
  cpuMs: number;
  /** Undefined when the entry could not be counted. */
  subrequests: number | undefined;
}

export interface CostFinding {
  kind: 'cpu-limit' | 'subrequests' | 'bundle-size' | 'start-up-time';
  severity: Severity;
  where: string;
  title: string;
  evidence: string;
  /** What was asked, where it is a route. */
  request?: HttpRequest;
}

export interface CostReport {
  plan: Plan;
  routes: RouteCost[];
  bundleBytes: number;
  startUpMs: number | undefined;
  findings: CostFinding[];
  notTested: string[];
}

export interface CostOptions {
  bundleDir: string;
  config: ProductConfig;
  plan: Plan;
  openapi?: unknown;
  inputs?: readonly Input[];
  identities?: Identities;
}

/**
 * What requests to a bundled Worker cost against the limits of a plan. CPU is the runtime's own process time over
 * sequential warm requests, less the same for an empty Worker and for the emulation of its bindings; a route over the limit is measured a second time
 * before it counts, and profiled for the name of the function. Sizes are after gzip. Nothing leaves the machine.
 * The bundle's folder gets one file more. Throws `NotStarted` as `startProduct` does.
 */
export async function costOf(options: CostOptions): Promise<CostReport> {
  const { bundleDir, config, plan } = options;
  const limits = LIMITS[plan];
  const report: CostReport = {
    plan,
    routes: [],
    bundleBytes: await bundleSize(bundleDir),
    startUpMs: undefined,
    findings: [],
    notTested: [],
  };
  if (report.bundleBytes > limits.bundleBytes) {
    report.findings.push({
      kind: 'bundle-size',
      severity: 'high',
      where: config.main,
      title: `The bundle is larger than the ${plan} plan takes`,
      evidence: `${report.bundleBytes} bytes after gzip, limit ${limits.bundleBytes}`,
    });
  }
  const empty = await emptyWorker(config);
  if (empty === undefined) {
    report.notTested.push('cost: the CPU time of a process can not be read on this system.');
    return report;
  }
  await writeCountingMain(bundleDir, config.main);
  const product = await startProduct(bundleDir, { ...config, main: COUNTING_MAIN }, { inspected: true });
  try {
    const pid = await workerd();
    const atStart = (pid === undefined ? undefined : await cpuOf(pid)) ?? empty.startMs;
    report.startUpMs = Math.max(0, atStart - empty.startMs);
    if (report.startUpMs > limits.startUpMs && config.d1.length === 0) {
      report.findings.push({
        kind: 'start-up-time',
        severity: 'high',
        where: config.main,
        title: 'The Worker takes longer to start than the platform waits',
        evidence: `${report.startUpMs} ms of CPU before the first answer, limit ${limits.startUpMs} ms`,
      });
    }
    if (pid !== undefined) await measureRoutes(options, product, pid, empty, report);
  } finally {
    await product.stop();
  }
  return report;
}

async function measureRoutes(
  { config, plan, openapi, inputs = [], identities = { users: [] } }: CostOptions,
  product: RunningProduct,
  pid: number,
  empty: Empty,
  report: CostReport,
): Promise<void> {
  const limits = LIMITS[plan];
  const found = await findRoutes(product.origin, { openapi, inputs, identities });
  for (const route of found.routes) {
    const first = await measure(found, route, pid, empty);
    const count = first.count;
    report.routes.push({ where: route.where, status: first.status, cpuMs: first.cpuMs, subrequests: count });
    if (first.status >= 400)
      report.notTested.push(`cost: ${route.where} was measured only as refused with ${first.status}.`);
    if (count === undefined)
      report.notTested.push(
        'cost: subrequests could not be counted; the entry is no plain object with `fetch`.',
      );
    else if (count > limits.subrequests) {
      report.findings.push({
        kind: 'subrequests',
        severity: 'high',
        where: route.where,
        title: `${route.where} makes more subrequests than the ${plan} plan allows`,
        request: route.build(),
        evidence: `${count} calls of fetch and bindings in one request, limit ${limits.subrequests}`,
      });
    }
    if (first.cpuMs <= limits.cpuMs) {
      if (first.cpuMs > limits.cpuMs / 2)
        report.notTested.push(
          `cost: ${route.where} took ${first.cpuMs} ms of CPU, near the limit of ${limits.cpuMs} ms: look at it on the platform.`,
        );
      continue;
    }
    const again = await measure(found, route, pid, empty);
    const culprit = await culpritOf(found, route, product, config.name);
    if (again.cpuMs <= limits.cpuMs) continue;
    report.findings.push({
      kind: 'cpu-limit',
      severity: 'high',
      where: route.where,
      title: `${route.where} takes more CPU than the ${plan} plan allows${culprit ? `, most of it in ${culprit.name}` : ''}`,
      request: route.build(),
      evidence: `${first.cpuMs} and ${again.cpuMs} ms of CPU for one request, limit ${limits.cpuMs} ms${culprit ? `; ${culprit.name} has ${culprit.percent} % of it` : ''}`,
    });
  }
}

/** A route that refuses because it is asked too often is asked as other people from elsewhere. */
async function asTaken({ send, renew }: Routes, route: Route): Promise<void> {
  if ((await send(route.build())).status === 429) await renew();
}

async function measure(
  found: Routes,
  route: Route,
  pid: number,
  empty: Empty,
  isAgain = false,
): Promise<{ cpuMs: number; status: number; count: number | undefined }> {
  const { send } = found;
  await asTaken(found, route);
  const warm = await send(route.build());
  await send(route.build());
  const before = (await cpuOf(pid)) ?? 0;
  const started = performance.now();
  let sent = 0;
  let { status } = warm;
  for (; sent < SAMPLE && performance.now() - started < ROUTE_MS; sent += 1) {
    ({ status } = await send(route.build()));
    if (status !== warm.status) break;
  }
  // A limit of tries fell into the sample, and left too little of it.
  if (status === 429 && sent < FEW && !isAgain) return measure(found, route, pid, empty, true);
  const used = ((await cpuOf(pid)) ?? 0) - before;
  const count = Number.parseInt(warm.headers[COUNT_HEADER] ?? '', 10);
  const emulation = empty.requestMs + (Number.isNaN(count) ? 0 : count * empty.callMs);
  return {
    cpuMs: Math.max(0, Math.round(10 * (used / Math.max(1, sent) - emulation)) / 10),
    status: warm.status,
    count: Number.isNaN(count) ? undefined : count,
  };
}

async function culpritOf(
  found: Routes,
  route: Route,
  { inspector }: RunningProduct,
  worker: string,
): Promise<Culprit | undefined> {
  if (inspector === undefined) return undefined;
  await asTaken(found, route);
  return profiled(inspector, worker, async () => {
    for (let sent = 0; sent < PROFILED; sent += 1) await found.send(route.build());
  }).catch(() => undefined);
}

/** What a Worker that does nothing takes, in milliseconds of CPU: to start, for a request, and for the emulation of one binding's call. */
interface Empty {
  startMs: number;
  requestMs: number;
  callMs: number;
}

const CALLS = 20;
const EMPTY = `export default { async fetch(request, env) {
  if (request.url.endsWith('/calls')) for (let i = 0; i < ${CALLS}; i += 1) await env.DB.prepare('SELECT ?').bind(i).all();
  return new Response('');
} };`;

/** Undefined where the CPU time of a process can't be read. */
async function emptyWorker(config: ProductConfig): Promise<Empty | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'millwright-empty-'));
  try {
    await writeFile(join(dir, 'index.js'), EMPTY);
    const { migrationsDir: _, ...rest } = config;
    const empty = await startProduct(dir, { ...rest, d1: ['DB'], main: 'index.js' }, { inspected: true });
    try {
      const pid = await workerd();
      const startMs = pid === undefined ? undefined : await cpuOf(pid);
      if (pid === undefined || startMs === undefined) return undefined;
      const each = async (path: string): Promise<number> => {
        const ask = async () => void (await (await fetch(empty.origin + path)).arrayBuffer());
        for (let sent = 0; sent < 5; sent += 1) await ask();
        const before = (await cpuOf(pid)) ?? 0;
        for (let sent = 0; sent < 2 * SAMPLE; sent += 1) await ask();
        return (((await cpuOf(pid)) ?? 0) - before) / (2 * SAMPLE);
      };
      const requestMs = await each('/');
      return { startMs, requestMs, callMs: Math.max(0, ((await each('/calls')) - requestMs) / CALLS) };
    } finally {
      await empty.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The one runtime that this process started last. */
const workerd = async (): Promise<number | undefined> => (await childrenNamed('workerd')).at(-1);

async function bundleSize(bundleDir: string): Promise<number> {
  const entries = (await readdir(bundleDir, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && !/\.map$|^README\.md$/.test(entry.name),
  );
  const files = await Promise.all(entries.map((entry) => readFile(join(entry.parentPath, entry.name))));
  return files.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0);
}
