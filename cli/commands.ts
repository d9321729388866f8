import type { Command } from 'commander';

/** Adds a command to a program; what carries it out is loaded only then. */
type Add = (program: Command) => Promise<void>;

/** The command line by the headings of its help; a key holds each name that its entry adds, one after the other. */
export const COMMANDS: readonly (readonly [heading: string, commands: Readonly<Record<string, Add>>])[] = [
  [
    'Look first:',
    {
      rehearse: async (program) => (await import('./commands/rehearse.ts')).rehearse(program),
      doctor: async (program) => (await import('./commands/doctor.ts')).doctor(program),
      selftest: async (program) => (await import('./commands/selftest.ts')).selftest(program),
      qa: async (program) => (await import('./commands/qa.ts')).qa(program),
    },
  ],
  [
    'Set up:',
    {
      init: async (program) => (await import('./commands/init.ts')).init(program),
      human: async (program) => (await import('./commands/human.ts')).human(program),
      enrol: async (program) => (await import('./commands/enrol.ts')).enrol(program),
      factory: async (program) => (await import('./commands/factory.ts')).factory(program),
      permissions: async (program) => (await import('./commands/permissions.ts')).permissions(program),
    },
  ],
  [
    'Every day:',
    {
      run: async (program) => (await import('./commands/run.ts')).run(program),
      status: async (program) => (await import('./commands/status.ts')).status(program),
      checkpoints: async (program) => (await import('./commands/checkpoints.ts')).checkpoints(program),
      approve: async (program) => (await import('./commands/approve.ts')).approve(program),
      adopt: async (program) => (await import('./commands/adopt.ts')).adopt(program),
      pipeline: async (program) => (await import('./commands/pipeline.ts')).pipeline(program),
      memory: async (program) => (await import('./commands/memory.ts')).memory(program),
      lessons: async (program) => (await import('./commands/lessons.ts')).lessons(program),
      learn: async (program) => (await import('./commands/learn.ts')).learn(program),
      estimates: async (program) => (await import('./commands/estimates.ts')).estimates(program),
      'stop kill resume': async (program) => (await import('./commands/stop.ts')).stop(program),
    },
  ],
  [
    'Ship:',
    {
      ship: async (program) => (await import('./commands/ship.ts')).ship(program),
      releases: async (program) => (await import('./commands/releases.ts')).releases(program),
      rollback: async (program) => (await import('./commands/rollback.ts')).rollback(program),
      infra: async (program) => (await import('./commands/infra.ts')).infra(program),
      secret: async (program) => (await import('./commands/secret.ts')).secret(program),
    },
  ],
  [
    'Serve agents:',
    {
      mcp: async (program) => (await import('./commands/mcp.ts')).mcp(program),
      up: async (program) => (await import('./commands/up.ts')).up(program),
      session: async (program) => (await import('./commands/session.ts')).session(program),
      runs: async (program) => (await import('./commands/runs.ts')).runs(program),
    },
  ],
  [
    'Evidence:',
    {
      record: async (program) => (await import('./commands/record.ts')).record(program),
      gates: async (program) => (await import('./commands/gates.ts')).gates(program),
      backup: async (program) => (await import('./commands/backup.ts')).backup(program),
    },
  ],
  [
    'The words of the roles:',
    {
      words: async (program) => (await import('./commands/words.ts')).words(program),
    },
  ],
  [
    'Seldom:',
    {
      migrate: async (program) => (await import('./commands/migrate.ts')).migrate(program),
      restore: async (program) => (await import('./commands/restore.ts')).restore(program),
      sign: async (program) => (await import('./commands/sign.ts')).sign(program),
      layer: async (program) => (await import('./commands/layer.ts')).layer(program),
    },
  ],
];
