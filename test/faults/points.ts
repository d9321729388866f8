export type Kind = 'stdio' | 'daemon' | 'cli' | 'runtime';
export type OperationName =
  | 'checkout' | 'complete' | 'submit' | 'merge' | 'gates' | 'apply' | 'release' | 'rollback' | 'memory' | 'approve';
export interface Point { operation: OperationName; kind: Kind; at: { step: string; nth: number; when: 'before'|'during'|'after' } }
