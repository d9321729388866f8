import { openServices } from '../../servers/core/open.ts';

/** `dying_process.ts HOME DATABASE_URL`: takes a job of kind "slow", says so, and works on it until it is killed. */
const [home = '', databaseUrl] = process.argv.slice(2);
const services = await openServices(home, {
  databaseUrl: databaseUrl || undefined,
  jobs: {
    slow: async () => {
      process.stdout.write('running\n');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return { result: { by: 'first' } };
    },
  },
});
services.jobs.kick();
