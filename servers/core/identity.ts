import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ToolError } from './errors.ts';
import type { Factory } from './factory/definition.ts';
import { append } from './record.ts';
import type { Services } from './services.ts';
import { prepared, unplanned } from './store/prepared.ts';
import type { Db, Tx } from './store/store.ts';

/** Who calls, as the credential says it. Nothing a client writes about itself enters here. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  readonly role: string;
  readonly root: string;
  readonly task: number | null;
  readonly fence: number | null;
}

/** Tokens are random and stored as their hash; the text itself exists only at its holder. */
export const hashToken = (token: string) => createHash('sha256').update(token).digest('hex');
export const newToken = () => `mw_${randomBytes(32).toString('base64url')}`;

/** The role an agent is a member of in this definition; undefined when it was taken out. */
export function roleOf(factory: Factory, agent: string): string | undefined {
  return Object.entries(factory.roles).find(([, role]) => role.agents.includes(agent))?.[0];
}

/**
 * Exchanges an enrolment token for a session. Throws `FORBIDDEN` for a token that is unknown, revoked, expired
 * or whose agent is in no role; the refusal is recorded.
 *
 * @param root the host's own session, when several connections share one: they never count as two people
 */
export async function openSession(
  services: Services,
  token: string,
  root?: string,
): Promise<{ id: string; token: string }> {
  const now = services.clock.now();
  const { factory } = await services.factory();
  const enrolment = await services.store.db
    .selectFrom('enrolments')
    .selectAll()
    .where('token_hash', '=', hashToken(token))
    .executeTakeFirst();
  const agent = enrolment?.agent ?? 'unknown';
  const role = enrolment && roleOf(factory, enrolment.agent);
  const refusal = !enrolment
    ? credentialRefused('unknown')
    : enrolment.revoked_at !== null || !role
      ? credentialRefused('revoked')
      : enrolment.expires_at !== null && enrolment.expires_at <= now
        ? credentialRefused('expired')
        : undefined;
  const id = randomUUID();
  const secret = newToken();
  await services.store.transaction(async (tx) => {
    if (enrolment && role && !refusal) {
      await tx
        .insertInto('sessions')
        .values({
          id,
          agent: enrolment.agent,
          role,
          root: root ? `host:${hashToken(root).slice(0, 32)}` : id,
          enrolment: enrolment.id,
          token_hash: hashToken(secret),
          opened_at: now,
          expires_at: Math.min(
            now + factory.limits.session_hours * 3_600_000,
            enrolment.expires_at ?? Number.POSITIVE_INFINITY,
          ),
          beat_at: now,
          progress_at: now,
          ended_at: null,
          revoked_at: null,
          task: null,
          fence: null,
        })
        .execute();
    }
    await append(services.store, tx, {
      at: now,
      session: refusal ? 'unknown' : id,
      agent,
      role: role ?? 'unknown',
      event: refusal ? 'refused' : 'session.opened',
      tool: refusal ? 'session' : '',
      code: refusal?.code ?? '',
      rule: refusal?.rule ?? '',
      why: refusal?.message ?? '',
    });
  });
  if (refusal) throw refusal;
  await services.sessionOpened?.(agent);
  return { id, token: secret };
}

/** The session behind a bearer token; `FORBIDDEN` when there is none. */
export async function sessionByToken(db: Db, token: string): Promise<string> {
  const row = await db
    .selectFrom('sessions')
    .select('id')
    .where('token_hash', '=', hashToken(token))
    .executeTakeFirst();
  if (!row) throw credentialRefused('unknown');
  return row.id;
}

/** What `who` found: the session, and which definition is in force. */
export interface Caller {
  session: Session;
  factoryVersion: number;
  /** Set when the credential no longer counts; the caller is still known, for the record. */
  refusal?: ToolError;
}

/** Reads the session anew for every call, so that a revocation takes effect at once. */
export async function whoCalls(db: Db, id: string, now: number): Promise<Caller> {
  const [row] = await sessionNow(db, { id });
  if (!row) throw credentialRefused('unknown');
  const { expires_at, ended_at, revoked_at, enrolment_revoked, version, ...session } = row;
  const refusal =
    revoked_at !== null || enrolment_revoked !== null
      ? credentialRefused('revoked')
      : expires_at <= now || ended_at !== null
        ? credentialRefused('expired')
        : undefined;
  return { session, factoryVersion: version ?? 0, ...(refusal && { refusal }) };
}

const sessionNow = prepared<{ id: string }>()((db, value) =>
  db
    .selectFrom('sessions')
    .leftJoin('enrolments', 'enrolments.id', 'sessions.enrolment')
    .select([
      'sessions.id',
      'sessions.agent',
      'sessions.role',
      'sessions.root',
      'sessions.task',
      'sessions.fence',
    ])
    .select([
      'sessions.expires_at',
      'sessions.ended_at',
      'sessions.revoked_at',
      'enrolments.revoked_at as enrolment_revoked',
    ])
    .select((eb) =>
      eb
        .selectFrom('factory_versions')
        .select((e) => e.fn.max<number>('id').as('version'))
        .as('version'),
    )
    .where('sessions.id', '=', unplanned.text(value('id'))),
);

/** Ends a session and gives back what it holds; called when its host closes the connection. */
export async function endSession(tx: Tx, id: string, now: number): Promise<void> {
  await tx.updateTable('leases').set({ ends_at: now }).where('holder', '=', id).execute();
  await tx
    .updateTable('sessions')
    .set({ ended_at: now })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute();
}

function credentialRefused(why: 'unknown' | 'revoked' | 'expired'): ToolError {
  return new ToolError(
    'FORBIDDEN',
    `This session's credential is ${why}.`,
    'Ask the human to run `millwright enrol` for this agent, then start the session again.',
    { rule: `credential.${why}` },
  );
}
