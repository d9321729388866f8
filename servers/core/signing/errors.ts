export type SigningFault =
  | 'malformed'
  | 'wrong-namespace'
  | 'unknown-key'
  | 'bad-signature'
  | 'no-presence'
  | 'wrong-subject'
  | 'file-exists'
  | 'unsafe-file'
  | 'weak-passphrase'
  | 'wrong-passphrase'
  | 'ssh-keygen';

/** Why a signature, an envelope or a key file is refused. The message is one plain sentence, without secrets. */
export class SigningError extends Error {
  readonly fault: SigningFault;

  constructor(fault: SigningFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SigningError';
    this.fault = fault;
  }
}
