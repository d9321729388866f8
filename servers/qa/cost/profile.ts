const ANSWER_MS = 20_000;
const MOST_BYTES = 64 * 1024 * 1024;

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
}
interface Profile {
  nodes: ProfileNode[];
  samples: number[];
  timeDeltas: number[];
}

/** Where a Worker spends its time: the function with the most of it, and how long it was busy in all. */
export interface Culprit {
  /** Name, file and line. */
  name: string;
  /** Its share of the time in which the Worker was busy, in whole percent. */
  percent: number;
  busyMs: number;
}

/**
 * Profiles a Worker while `work` runs, by the runtime's inspector. A profiler slows down what it looks at, so this
 * names the culprit and is no measurement. Undefined when nothing was sampled.
 */
export async function profiled(
  inspector: string,
  worker: string,
  work: () => Promise<void>,
): Promise<Culprit | undefined> {
  const socket = new WebSocket(`${inspector}/core:user:${worker}`);
  try {
    await within(
      new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(new Error('The inspector does not answer.'));
      }),
    );
    let last = 0;
    const call = (method: string, params = {}) => {
      last += 1;
      const id = last;
      const answered = new Promise<{ profile?: Profile }>((resolve) => {
        socket.addEventListener('message', ({ data }) => {
          if (String(data).length > MOST_BYTES) return;
          const message = JSON.parse(String(data));
          if (message.id === id) resolve(message.result ?? {});
        });
      });
      socket.send(JSON.stringify({ id, method, params }));
      return within(answered);
    };
    await call('Profiler.enable');
    await call('Profiler.setSamplingInterval', { interval: 500 });
    await call('Profiler.start');
    await work();
    const { profile } = await call('Profiler.stop');
    return profile && culpritOf(profile);
  } finally {
    socket.close();
  }
}

function culpritOf({ nodes, samples, timeDeltas }: Profile): Culprit | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const spent = new Map<string, number>();
  let busy = 0;
  samples.forEach((id, index) => {
    const frame = byId.get(id)?.callFrame;
    if (!frame || /^\((idle|program|root)\)$/.test(frame.functionName)) return;
    const file = frame.url.split('/').at(-1) ?? '';
    const name = `${frame.functionName || '(anonymous)'}${file ? ` (${file}:${frame.lineNumber + 1})` : ''}`;
    const ms = (timeDeltas[index] ?? 0) / 1_000;
    spent.set(name, (spent.get(name) ?? 0) + ms);
    busy += ms;
  });
  const [worst] = [...spent].sort(([, a], [, b]) => b - a);
  return worst && { name: worst[0], percent: Math.round((100 * worst[1]) / busy), busyMs: busy };
}

function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The inspector does not answer.')), ANSWER_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
