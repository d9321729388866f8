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
const role = fc.constantFrom(...ROLES);
const steps = [
  fc.constant(s.begin),
  fc.constant(s.idea),
  fc.constant(s.build),
  role.map(s.checkout),
  role.map(s.checkout),
  role.map(s.checkout),
  fc.tuple(role, fc.constantFrom('one', 'two')).map(([who, body]) => s.leave(who, body)),
  fc.tuple(role, fc.constantFrom('one', 'two')).map(([who, body]) => s.leave(who, body)),
  role.map((who) => s.hand(who, 'done')),
  role.map((who) => s.hand(who, 'done')),
  role.map((who) => s.hand(who, 'failed')),
  role.map((who) => s.giveUp(who, 'task_return')),
  role.map((who) => s.giveUp(who, 'task_block')),
  fc.constantFrom('accept' as const, 'reject' as const).map(s.review),
  fc.constant(s.ask),
  fc
    .tuple(fc.constantFrom('approve' as const, 'reject' as const), fc.nat({ max: 2 }))
    .map(([decision, back]) => s.answer(decision, back)),
  role.map(s.beat),
  role.map(s.crash),
  fc.constantFrom(0.2, 0.4, 0.7, 1, 1.3).map(s.advance),
  fc.boolean().map(s.stop),
];

test('the pipeline machine does what its model does, whatever happens in whatever order', {
  timeout: 600_000,
}, async () => {
  const fleet = await loadFleet(['tasks', 'gates']);
  await explore(steps, () => start(fleet), { runs: 12, commands: 60, kept: kept.pipelines });
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
