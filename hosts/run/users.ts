import { join } from 'node:path';
import { endAllOf, type OsUser, runsOfUser } from '../../servers/core/os_user.ts';
import type { Separation } from '../../servers/core/separation.ts';

/** The users of the system that runs have, each for one run at a time: what is a run's own stays its own. */
export interface UserPool {
  /** How many runs there can be at once. */
  readonly size: number;
  /** Where a run's own folder is made. */
  readonly folder: string;
  /** A user for one run; undefined while each is taken, or has processes that are none of a run. */
  take(): OsUser | undefined;
  /** Ends all that the run left behind; a user with something left is given to nobody. */
  giveBack(user: OsUser): Promise<void>;
}

export function userPool({ users, folder }: Separation): UserPool {
  const taken = new Set<OsUser>();
  return {
    size: users.length,
    folder: join(folder, 'runs'),
    take() {
      const user = users.find((one) => !taken.has(one) && runsOfUser(one).length === 0);
      if (user) taken.add(user);
      return user;
    },
    async giveBack(user) {
      try {
        await endAllOf(user);
      } finally {
        taken.delete(user);
      }
    },
  };
}

/** The runner's environment as the run's user sees it: the home with its own login is that user's. */
export const environmentOf = (
  env: Readonly<Record<string, string | undefined>>,
  user: OsUser,
  tmp: string,
) => ({
  ...env,
  HOME: user.home,
  USER: user.name,
  LOGNAME: user.name,
  SHELL: '/bin/sh',
  TMPDIR: tmp,
});
