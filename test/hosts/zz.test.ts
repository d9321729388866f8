import { afterAll, beforeAll, it } from 'vitest';
import { type HostDesk, openHostDesk } from './desk.ts';
import { plan } from './plan.ts';
let desk: HostDesk;
beforeAll(async () => { desk = await openHostDesk(); });
afterAll(() => desk.close());
const T = (role: string) => ({ tool: 'mcp__millwright__task_create', input: { title: `Work for ${role}`, criteria: ['It works'], stops: ['It does not'], role } });
it.each(['claude-code', 'claude-code-older'] as const)('%s', async (host) => {
  const sub = (role: string) => ({ tool: 'Agent', input: { description: `Start ${role}`, subagent_type: `millwright-${role}`, run_in_background: false,
    prompt: plan({ tool: `mcp__millwright-${role}__task_checkout`, input: {} }) } });
  const out = await desk.claude(host, [[T('developer')],  [sub('developer')], { tool: 'Bash', input: { command: 'ps aux | grep -c "[m]illwright.cjs mcp"; sleep 5; ps aux | grep -c "[m]illwright.cjs mcp"; date +%s%3N', description: 'd' } }], ['--allowedTools', 'Bash']);
  console.log(host, out.result, out.stderr);
  const rows = await desk.withStore(({ store }) => store.db.selectFrom('sessions').select(['agent', 'opened_at', 'ended_at', 'task']).execute());
  console.log(rows.map((r) => JSON.stringify(r)).join('\n'));
  const l = await desk.withStore(({ store }) => store.db.selectFrom('leases').selectAll().execute()); console.log(JSON.stringify(l));
});
