import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../src/api/types.ts';
import { applyMergePatch } from './json-merge-patch.ts';
import { aJwt } from './jwt.ts';
import { listOf, type PaperAnswer, type PaperRequest } from './paper-planes.ts';

const YEAR_S = 365 * 86_400;

/** API servers that keep what is written to them, and make tokens of accounts: an answer for {@link PaperPlanes}. */
export class StoredPlanes {
  /** By `PLANE PLURAL/NAME`, as `c-1 roles/ace-operator`; of the management plane `management clusters/c-1`. */
  readonly objects = new Map<string, KubeObject>();
  /** Of each cluster its own, by these names; two may be of one server. */
  readonly serverOf = (cluster: string): string => this.#servers[cluster] ?? cluster;
  readonly #servers: Readonly<Record<string, string>>;
  /** What a SubjectAccessReview of this user, or a SelfSubjectAccessReview (undefined), is answered. */
  allows: (user: string | undefined) => boolean = () => true;
  /** Asked first. */
  refuse: (request: PaperRequest) => { readonly code: number } | undefined = () => undefined;

  constructor(servers: Readonly<Record<string, string>> = {}) {
    this.#servers = servers;
  }

  put(plane: string, plural: string, name: string, content: object = {}, metadata: object = {}): void {
    const object = { metadata: { name, uid: `uid-${name}`, resourceVersion: '1', ...metadata }, ...content };
    this.objects.set(`${plane} ${plural}/${name}`, object as unknown as KubeObject);
  }

  answer(request: PaperRequest): PaperAnswer {
    const refused = this.refuse(request) ?? this.#unknownBearer(request);
    if (refused) return refused;
    const { method, plural, name } = request;
    if (method === 'POST') return name === undefined ? this.#create(request) : this.#token(request);
    if (name === undefined) return this.#list(request);
    const key = this.#key(request, name);
    const live = this.objects.get(key);
    if (live === undefined) return plural === '' ? undefined : { code: 404 };
    return method === 'GET' ? live : this.#change(request, key, live);
  }

  #key({ cluster, plural }: PaperRequest, name: string): string {
    return `${cluster === undefined ? 'management' : this.serverOf(cluster)} ${plural}/${name}`;
  }

  /** A token is as good as the account that it was made for. */
  #unknownBearer({ cluster, bearer }: PaperRequest): { readonly code: number } | undefined {
    const [, claims] = bearer.split('.');
    if (cluster === undefined || claims === undefined) return undefined;
    const { uid } = JSON.parse(Buffer.from(claims, 'base64url').toString())['kubernetes.io'].serviceaccount;
    const account = this.objects.get(`${this.serverOf(cluster)} serviceaccounts/ace-operator`);
    return account?.metadata.uid === uid ? undefined : { code: 401 };
  }

  #create(request: PaperRequest): PaperAnswer {
    const object = request.body as KubeObject;
    if (request.plural.endsWith('reviews')) {
      const { user } = (object as { spec?: { user?: string } }).spec ?? {};
      return { kind: object.kind, status: { allowed: this.allows(user) } };
    }
    const key = this.#key(request, object.metadata.name);
    if (this.objects.has(key)) return { code: 409 };
    const metadata = { ...object.metadata, uid: randomUUID(), resourceVersion: '1' };
    if (!request.url.searchParams.has('dryRun')) this.objects.set(key, { ...object, metadata });
    return { ...object, metadata };
  }

  #token(request: PaperRequest): PaperAnswer {
    const { uid, name, namespace } = this.objects.get(this.#key(request, request.name ?? ''))?.metadata ?? {};
    const sub = `system:serviceaccount:${namespace}:${name}`;
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { iat, sub, exp: iat + YEAR_S, 'kubernetes.io': { serviceaccount: { uid } } };
    const expirationTimestamp = new Date((iat + YEAR_S) * 1_000).toISOString();
    return { kind: 'TokenRequest', status: { token: aJwt(claims), expirationTimestamp } };
  }

  #list(request: PaperRequest): PaperAnswer {
    const prefix = this.#key(request, '');
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object);
    return found.length === 0 ? undefined : listOf(found);
  }

  #change({ method, body, url }: PaperRequest, key: string, live: KubeObject): PaperAnswer {
    const isTried = url.searchParams.has('dryRun');
    if (method === 'DELETE') {
      if (!isTried) this.objects.delete(key);
      return { kind: 'Status', status: 'Success' };
    }
    const changed = applyMergePatch(live, body) as KubeObject;
    if (!isTried) this.objects.set(key, changed);
    return changed;
  }
}
