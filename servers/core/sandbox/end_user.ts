import { execa } from 'execa';
import { dropTo } from './engine.ts';
import { WRAPPER_PATH } from './layout.ts';
import { killUser } from './process-tree.ts';

/** Kills every process of a user, whatever it did to leave its group or its environment; root only. */
export async function endUser(uid: number, gid = uid): Promise<void> {
  const [file = '', ...args] = dropTo(uid, gid);
  await killUser(uid, () =>
    execa(file, [...args, 'sh', '-c', 'kill -KILL -1'], {
      env: { PATH: WRAPPER_PATH },
      extendEnv: false,
      reject: false,
    }),
  );
}
