import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { enrolmentHint, isProof } from './daemon.ts';
import { hashToken } from './identity.ts';
import { NotDone } from './relay.ts';

const KNOCK_MS = 5000;
const LARGEST_PROOF = 4096;

/**
 * Keeps connections to a daemon open. None is used before its other end has proved that it is a daemon of the factory
 * that gave out `token`; only over TLS, without `prove`, its certificate stands for that. Requests over a connection
 * without proof fail with `NotDone`.
 */
export function provenAgent(
  base: URL,
  { ca, prove, token }: { ca?: string | undefined; prove: boolean; token: string },
): Agent {
  const isTls = base.protocol === 'https:';
  const agent = isTls
    ? new TlsAgent({ keepAlive: true, ...(prove ? { rejectUnauthorized: false } : ca && { ca }) })
    : new Agent({ keepAlive: true });
  if (isTls && !prove) return agent;
  const port = Number(base.port || (isTls ? 443 : 80));
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) => {
    const socket = connect(options, () => {}) as Socket;
    proved(socket, hashToken(token), port).then(
      () => done?.(null, socket),
      (error: Error) => {
        socket.destroy();
        done?.(error, socket);
      },
    );
    return undefined;
  };
  return agent;
}

/** Asks the other end of a new connection for its proof, with nothing that a stranger could use. */
async function proved(socket: Socket, tokenHash: string, port: number): Promise<void> {
  const nonce = randomBytes(16).toString('hex');
  const path = `/health?nonce=${nonce}&enrolment=${enrolmentHint(tokenHash)}`;
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const body = await firstBody(socket);
  const proof = /"proof":"([0-9a-f]{64})"/.exec(body)?.[1] ?? '';
  if (!isProof(proof, tokenHash, nonce, port)) throw new NotDone("Another program has the daemon's port.");
}

/** The body of the first response on a socket, which must state its length. */
function firstBody(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const settle = (act: () => void) => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onEnd).off('close', onEnd);
      act();
    };
    const onEnd = (error?: unknown) =>
      settle(() => reject(new NotDone('There is no daemon.', { cause: error })));
    const onData = (part: Buffer) => {
      text += part.toString('latin1');
      if (text.length > LARGEST_PROOF) return onEnd();
      const [, head, body = ''] = /^(.*?)\r\n\r\n(.*)$/s.exec(text) ?? [];
      const length = Number(/\r\ncontent-length: (\d{1,4})(?:\r\n|$)/i.exec(head ?? '')?.[1] ?? Number.NaN);
      if (head !== undefined && (Number.isNaN(length) || body.length > length)) return onEnd();
      if (body.length === length) settle(() => resolve(body));
    };
    const timer = setTimeout(onEnd, KNOCK_MS);
    socket.on('data', onData).on('error', onEnd).on('close', onEnd);
  });
}
