import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'vitest';
import { parse, stringify } from 'yaml';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { leaseMs } from '../../servers/core/leases.ts';
import { toSshPublicKey } from '../../servers/core/signing/ssh_key.ts';
import { fingerprint, formatPublicKey } from '../../servers/core/signing/sshsig.ts';
import { SweepGuard } from '../../servers/core/sweeper.ts';
import { type Fleet, loadFleet } from '../../servers/fleet.ts';
import kept from './models/kept.json' with { type: 'json' };
import { LINE, ROLES } from './models/line.ts';
import { explore, type Machine, startMachine } from './models/machine.ts';
import { LAPSES, type Model } from './models/pipeline_model.ts';
import { STEPS } from './models/pipeline_steps.ts';

const { privateKey: key } = generateKeyPairSync('ed25519');
const s = STEPS(key);
const decision = fc.constantFrom('approve' as const, 'reject' as const);
const role = fc.constantFrom(...ROLES);
const body = fc.constantFrom('one', 'two');
const often = <T>(times: number, one: T): T[] => Array<T>(times).fill(one);
/** What an agent of each role may do with its task, in any order and too often. */
const doings = {
  ceo: [
    body.map((text) => s.leave('ceo', text)),
    fc.constant(s.ask),
    fc.constant(s.answer('approve', 0)),
    fc.constant(s.answer('reject', 0)),
  ],
  developer: [body.map((text) => s.leave('developer', text))],
  cto: [fc.constant(s.review('accept')), fc.constant(s.review('reject'))],
  qa: [fc.constant(s.leave('qa', 'one'))],
  infra: [fc.constant(s.leave('infra', 'one'))],
};
const wandering = fc
  .constantFrom(...often(3, 'ceo' as const), ...often(2, 'cto' as const), ...ROLES)
  .chain((who) =>
    fc
      .tuple(
        fc.array(fc.oneof(...doings[who]), { maxLength: 6, size: 'max' }),
        fc.constantFrom(s.hand(who, 'done'), s.hand(who, 'done'), s.giveUp(who, 'task_block')),
      )
      .map(([between, last]) => s.wander(who, between, last)),
  );
const steps = [
  ...often(2, fc.constant(s.begin)),
  ...often(20, role.map(s.turn)),
  ...often(12, wandering),
  ...often(4, fc.constant(s.swap)),
  ...often(3, fc.constant(s.failAmong)),
  ...often(4, role.map(s.spoil)),
  ...often(2, role.map(s.fallAsleep)),
  ...often(4, role.map(s.checkout)),
  ...often(
    2,
    fc.tuple(role, body).map(([who, text]) => s.leave(who, text)),
  ),
  ...often(
    2,
    role.map((who) => s.hand(who, 'done')),
  ),
  ...often(
    2,
    role.map((who) => s.hand(who, 'failed')),
  ),
  role.map((who) => s.giveUp(who, 'task_return')),
  role.map((who) => s.giveUp(who, 'task_block')),
  fc.constantFrom('accept' as const, 'reject' as const).map(s.review),
  fc.constant(s.ask),
  fc.tuple(decision, fc.nat({ max: 2 })).map(([decided, back]) => s.answer(decided, back)),
  role.map(s.beat),
  role.map(s.crash),
  ...often(3, fc.constantFrom(0.2, 0.4, 0.7, 1, 1.3).map(s.advance)),
  ...often(2, fc.constant(s.sweeper)),
  fc.constantFrom(true, ...often(6, false)).map(s.stop),
];

test('the pipeline machine does what its model does, whatever happens in whatever order', {
  timeout: 600_000,
}, async () => {
  const fleet = await loadFleet(['tasks', 'gates']);
  await explore(steps, () => start(fleet), { runs: 10, commands: 100, kept: kept.pipelines });
});

async function start(fleet: Fleet): Promise<{ model: Model; real: Machine }> {
  const files = await readDefinition('c-suite');
  const definition = parse(files['factory.yaml'] ?? '');
  const lease = { ...definition.lease, lapses: LAPSES };
  const own = {
    pipelines: ['line'],
    checkpoints: { hours: 0.05 },
    memory: { ...definition.memory, required: false },
  };
  const limits = { ...definition.limits, session_hours: 720 };
  const real = await startMachine(fleet, {
    ...files,
    'factory.yaml': stringify({ ...definition, ...own, lease, limits }),
    'pipelines/line.yaml': stringify(LINE),
  });
  const { services, clock, newSession } = real;
  const publicKey = toSshPublicKey(key, 'ada');
  const human = { name: 'ada', public_key: formatPublicKey(publicKey), fingerprint: fingerprint(publicKey) };
  const since = { assurance: 'rehearsal' as const, added_at: clock.now(), revoked_at: null };
  await services.store.db
    .insertInto('humans')
    .values({ ...human, ...since })
    .execute();
  const sessions = new Map<(typeof ROLES)[number], string>();
  for (const agent of ROLES) sessions.set(agent, await newSession(agent));
  const model: Model = {
    now: clock.now(),
    lease: leaseMs((await services.factory()).factory),
    stopped: false,
    guard: new SweepGuard(clock.now()),
    tasks: [],
    pipelines: [],
    documents: new Map(),
    left: new Set(),
    verdicts: new Map(),
    questions: [],
    sessions,
    believes: new Map(),
  };
  return { model, real };
}
