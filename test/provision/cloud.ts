import { generateKeyPairSync } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { decide, textToSign } from '../../servers/core/checkpoints.ts';
import { advanceMain } from '../../servers/core/git/advance.ts';
import { createAuthority, headOfMain, openAuthority } from '../../servers/core/git/authority.ts';
import { gitLine } from '../../servers/core/git/git.ts';
import { commitTree } from '../../servers/core/git/objects.ts';
import { openSecretKey } from '../../servers/core/secrets/key.ts';
import { setSecret } from '../../servers/core/secrets/secrets.ts';
import { CHECKPOINT_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { toSshPublicKey } from '../../servers/core/signing/ssh_key.ts';
import { fingerprint, formatPublicKey, signSsh } from '../../servers/core/signing/sshsig.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { ACCOUNT, type CloudflareStub, startCloudflareStub, TOKEN } from '../core/target/cloudflare_stub.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';

export interface Cloud extends TestFactory {
  stub: CloudflareStub;
  infra: Agent;
  cto: Agent;
  /** Everything the operator's log said. */
  logged: string[];
  /** Puts this infra.yaml on mainline; returns the commit. */
  want(infra: string): Promise<string>;
  /** Proposes what mainline wants and has it accepted; returns the plan. */
  approved(): Promise<{ plan: string; digest: string; changes: { action: string }[]; checkpoint?: string }>;
  /** A human says yes to a checkpoint. */
  approve(checkpoint: number): Promise<void>;
  secret(of: { product?: string; name: string }, value: string): Promise<void>;
}

/** A factory whose products run at the stub of Cloudflare. */
export async function startCloud(): Promise<Cloud> {
  const stub = await startCloudflareStub();
  onTestFinished(() => stub.close());
  const logged: string[] = [];
  const factory = await startFactory({
    servers: ['tasks', 'provision'],
    change: (file) => Object.assign(file, { targets: { cloudflare: { account: ACCOUNT, api: stub.url } } }),
    log: (line) => void logged.push(line),
  });
  const { services, home } = factory;
  const now = () => services.clock.now();
  await services.store.transaction((tx) =>
    insertTask(tx, {
      title: 'Infrastructure',
      description: '',
      criteria: ['It exists'],
      stops: ['It cannot'],
      role: 'infra',
      priority: 1,
      needs: [],
      createdBy: 'test',
      now: now(),
    }),
  );
  const infra = await factory.agent('infra');
  await infra.ok('task_checkout');
  const cto = await factory.agent('cto');
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = toSshPublicKey(privateKey, 'ada');
  await services.store.db
    .insertInto('humans')
    .values({
      name: 'ada',
      public_key: formatPublicKey(publicKey),
      fingerprint: fingerprint(publicKey),
      assurance: 'rehearsal',
      added_at: now(),
      revoked_at: null,
    })
    .execute();
  const cloud: Cloud = {
    ...factory,
    stub,
    infra,
    cto,
    logged,
    want: (text) => commitInfra(home, text),
    async approved() {
      const plan = await infra.ok<Awaited<ReturnType<Cloud['approved']>>>('infra_propose');
      const { plan: id, digest } = plan;
      await cto.ok('infra_review', { plan: id, digest, verdict: 'accept', reasons: 'As the spec says.' });
      return plan;
    },
    async approve(checkpoint) {
      const text = await textToSign(services.store.db, 'c-suite', checkpoint, 'approve');
      const signature = signSsh(text, privateKey, CHECKPOINT_NAMESPACE);
      await decide(services, { checkpoint, decision: 'approve', human: 'ada', signature });
    },
    async secret({ product = '', name }, value) {
      const key = await openSecretKey(services.paths.keys);
      const of = { product, target: 'cloudflare', name };
      await services.store.transaction((tx) => setSecret(tx, key, of, value, now()));
    },
  };
  await cloud.secret({ name: 'CLOUDFLARE_API_TOKEN' }, TOKEN);
  return cloud;
}

async function commitInfra(home: string, text: string): Promise<string> {
  const bare = await openAuthority(home);
  const head = await headOfMain(bare).catch(() => undefined);
  if (head === undefined) {
    const made = await createAuthority(home, {
      initial: [{ path: 'infra.yaml', content: text }],
      message: 'Start',
      at: new Date(),
    });
    return headOfMain(made);
  }
  const blob = await gitLine(bare, ['hash-object', '-w', '--stdin'], { input: text });
  const tree = await gitLine(bare, ['mktree'], { input: `100644 blob ${blob}\tinfra.yaml\n` });
  const next = await commitTree(bare, tree, [head], { message: 'Change', at: new Date() });
  await advanceMain(bare, head, next);
  return next;
}
