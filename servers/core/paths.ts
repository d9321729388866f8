import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everything of one factory lies: outside every repository, readable by its owner only. */
export interface FactoryPaths {
  readonly home: string;
  readonly definition: string;
  readonly database: string;
  readonly keys: string;
  readonly enrolments: string;
  /** Holds the authority: `mainline.git` and the server's git configuration. */
  readonly git: string;
  readonly clones: string;
  readonly work: string;
  readonly layers: string;
  /** What was built of commits, so that one is built once. */
  readonly builds: string;
  readonly targets: string;
  readonly heads: string;
  /** A folder for each agent, with its MEMORY.md. */
  readonly memory: string;
}

/** The folder that holds all factories of this user: `$MILLWRIGHT_HOME`, else `~/.millwright`. */
export function factoriesFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.MILLWRIGHT_HOME ?? join(homedir(), '.millwright');
}

/** The paths of the factory whose state lies in `home`. */
export function factoryPaths(home: string): FactoryPaths {
  return {
    home,
    definition: join(home, 'factory.yaml'),
    database: join(home, 'store.sqlite'),
    keys: join(home, 'keys'),
    enrolments: join(home, 'enrolments'),
    git: home,
    clones: join(home, 'clones'),
    work: join(home, 'work'),
    layers: join(home, 'layers'),
    builds: join(home, 'builds'),
    targets: join(home, 'targets'),
    heads: join(home, 'heads'),
    memory: join(home, 'memory'),
  };
}
