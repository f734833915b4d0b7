import type { Token, TokenApi, TokenSecret } from './types.ts';

const MISSING: TokenSecret = Object.freeze({ kind: 'missing' });

/**
 * What is held of a token that other replicas work on: that it is there, and which cluster it is for. A quarter of what a whole one
 * takes. To the clusters that are worked on here it is a token of another cluster, and never anything else.
 */
class ParkedToken implements Token {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly clusterName: string;
  readonly api: TokenApi;

  constructor({ name, uid, resourceVersion, clusterName, api }: Token) {
    this.name = name;
    this.uid = uid;
    this.resourceVersion = resourceVersion;
    this.clusterName = clusterName;
    this.api = api;
  }

  // On the prototype: it is these that are not to take room.
  get namespace(): string {
    return '';
  }

  get shownUid(): string {
    return this.uid;
  }

  get userName(): string {
    return '';
  }

  get secret(): TokenSecret {
    return MISSING;
  }

  get enabled(): boolean {
    return true;
  }

  get deleting(): boolean {
    return false;
  }

  get createdAtMs(): number {
    return 0;
  }

  get ttlMs(): number {
    return 0;
  }

  get expiresAtMs(): undefined {
    return undefined;
  }

  get lastUsedAtMs(): undefined {
    return undefined;
  }

  get isInRanchersCare(): boolean {
    return false;
  }

  get problem(): undefined {
    return undefined;
  }
}

/** Of a token, what has to be known of it where its cluster is not worked on. */
export function park(token: Token): Token {
  return new ParkedToken(token);
}

export function isParked(token: Token): boolean {
  return token instanceof ParkedToken;
}
