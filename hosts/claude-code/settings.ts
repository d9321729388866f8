import { type HostFactory, MAIN_SERVER, serverCommand, subAgentName } from '../factory.ts';
import { factoryHooks, type Hooks } from '../hooks.ts';

/** The parts of a `settings.local.json` that belong to the factory. */
export interface ClaudeCodeSettings {
  readonly hooks: Hooks;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly additionalDirectories: readonly string[];
}

/**
 * The guard and the session's hooks; the factory's own tools without a question, because its servers decide; nothing
 * of its state to be read or changed, but the clones.
 */
export function claudeCodeSettings(factory: HostFactory): ClaudeCodeSettings {
  const others = factory.agents.filter(({ agent }) => agent !== factory.main.agent);
  const secret = ['enrolments', 'keys', 'store.sqlite*', 'mainline.git', 'hosts'];
  return {
    hooks: factoryHooks(factory, { onFailure: 'block' }),
    allow: [MAIN_SERVER, ...others.map(({ agent }) => subAgentName(agent))].map((name) => `mcp__${name}`),
    deny: secret.flatMap((part) => {
      const path = `/${factory.home}/${part}${part.includes('*') ? '' : '/**'}`;
      return [`Read(${path})`, `Edit(${path})`];
    }),
    additionalDirectories: [factory.clones],
  };
}

/** The main session's server, for `projects[FOLDER].mcpServers` of the person's own `.claude.json`. */
export function mainServer({ main, programs }: HostFactory): Record<string, unknown> {
  return { type: 'stdio', ...serverCommand(programs, main.enrolment), alwaysLoad: true };
}

/** Whether a permission rule is one that `claudeCodeSettings` makes for the factory in `home`. */
export const isOurRule = (rule: unknown, home: string): boolean =>
  typeof rule === 'string' &&
  (/^mcp__millwright(-[a-z0-9-]+)?$/.test(rule) || /^(Read|Edit)\(\//.test(rule)) &&
  (rule.startsWith('mcp__') || rule.includes(`(/${home}/`));
