import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../errors.ts';
import { authorityFault, bearerFault } from './kubeconfig-faults.ts';
import { environmentProxy } from './proxy-environment.ts';

/** Request headers; one that is there several times is a list. */
export type Headers = Readonly<Record<string, string | string[]>>;

/** How to reach one API server: where it is, how to trust it, what to show it. */
export interface Access {
  readonly server: URL;
  /**
   * Certificates and keys as they are at this moment. The same object for as long as nothing of it changes, so that whoever
   * holds connections sees when they are of yesterday.
   */
  readonly tls: TlsMaterial;
  /** What the server is reached through; undefined: nothing. */
  readonly proxy?: URL | undefined;
  /**
   * Request headers that carry the credential. Files (token, certificate, key, authority) are read again when what we know of
   * them is ten seconds old; with `fresh`, everything is read again at once: kubeconfig, files, exec plugin.
   */
  headers(fresh?: boolean): Promise<Headers>;
}

export type TlsMaterial = SecureContextOptions & {
  /** Made of it once, for all connections: parsing certificates costs more than a handshake. */
  readonly secureContext?: SecureContext | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
};

/** A kubeconfig that was loaded: what its current context says. */
export interface Loaded {
  /** File and context, for people. */
  readonly place: string;
  /** Why it cannot be used, in words. */
  readonly fault: string | undefined;
  readonly server: string | undefined;
  readonly proxyUrl: string | undefined;
  /** Whether anything of it is in a file of its own, where it may change. */
  readonly readsFiles: boolean;
  /** Groups to act as. */
  readonly groups: readonly string[] | undefined;
  /** What is shown to the server and how it is trusted, from its files and plugins as they are now. */
  options(): Promise<HttpsOptions>;
}

type Load = () => Loaded | Promise<Loaded>;

/** As client-node fills them in. */
export interface HttpsOptions extends SecureContextOptions {
  headers: Record<string, string>;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string;
}

/** The kubelet renews a projected token long before it expires; whoever revokes one expects us to notice within a minute. */
const FILE_TTL_MS = 10_000;

/**
 * Access by a kubeconfig that can be loaded again.
 *
 * @throws {ConfigError} when it names no server, or holds certificates that cannot be used
 */
export async function accessFrom(load: Load): Promise<Access> {
  const loaded = await load();
  try {
    return await accessBy(loaded, load);
  } catch (error) {
    if (error instanceof ConfigError && loaded.place !== '')
      throw new ConfigError(`${loaded.place}: ${error.message}`);
    throw error;
  }
}

async function accessBy(loaded: Loaded, load: Load): Promise<Access> {
  if (loaded.fault !== undefined) throw new ConfigError(loaded.fault);
  if (!loaded.server || !isHttpUrl(loaded.server))
    throw new ConfigError('the kubeconfig names no server for its current context');
  const server = new URL(loaded.server);
  const { tls } = await secrets(loaded);
  const proxy = proxyOf(loaded.proxyUrl || environmentProxy(server));
  return new ReloadingAccess(server, proxy, { load, loaded, tls });
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function proxyOf(text: string | undefined): URL | undefined {
  if (!text) return undefined;
  if (!isHttpUrl(text)) throw new ConfigError('the proxy (proxy-url, HTTPS_PROXY) is no http or https URL');
  return new URL(text);
}

class ReloadingAccess implements Access {
  readonly server: URL;
  readonly proxy: URL | undefined;
  readonly #load: Load;
  #loaded: Loaded;
  #tls: TlsMaterial;
  #headers: Headers = {};
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(server: URL, proxy: URL | undefined, first: { load: Load; loaded: Loaded; tls: TlsMaterial }) {
    this.server = server;
    this.proxy = proxy;
    this.#load = first.load;
    this.#loaded = first.loaded;
    this.#tls = first.tls;
  }

  get tls(): TlsMaterial {
    return this.#tls;
  }

  async headers(fresh = false): Promise<Headers> {
    if (!fresh && performance.now() - this.#readAtMs <= FILE_TTL_MS) return this.#headers;
    const isFirst = this.#readAtMs === Number.NEGATIVE_INFINITY;
    if (!isFirst && (fresh || this.#loaded.readsFiles)) await this.#reload();
    // What was read when it was opened is a moment old: its certificates need not be parsed again.
    else this.#headers = (await secrets(this.#loaded, { headersOnly: true })).headers;
    this.#readAtMs = performance.now();
    return this.#headers;
  }

  /** A file that is just being replaced may be missing, half written, or not fit its key yet: what we have may still be good. */
  async #reload(): Promise<void> {
    let read: Awaited<ReturnType<typeof secrets>>;
    let loaded = this.#loaded;
    try {
      loaded = await this.#load();
      read = await secrets(loaded);
    } catch {
      this.#headers = (await secrets(this.#loaded, { headersOnly: true })).headers;
      return;
    }
    this.#loaded = loaded;
    this.#headers = read.headers;
    if (!isSameMaterial(read.tls, this.#tls)) this.#tls = read.tls;
  }
}

function isSameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return isDeepStrictEqual({ ...a, secureContext: undefined }, { ...b, secureContext: undefined });
}

/** What is shown to the server and how it is trusted. @throws {ConfigError} for a certificate or key that cannot be used */
async function secrets(
  loaded: Loaded,
  { headersOnly = false } = {},
): Promise<{ headers: Headers; tls: TlsMaterial }> {
  const options = await loaded.options();
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options;
  const token = /^Bearer (.*)$/s.exec(String(options.headers['Authorization'] ?? ''))?.[1];
  const bearerProblem = token === undefined ? undefined : bearerFault(token);
  if (bearerProblem) throw new ConfigError(`the bearer token ${bearerProblem}`);
  const secureContext = headersOnly ? undefined : usable({ ca, cert, key });
  return {
    headers: {
      ...options.headers,
      ...(auth === undefined ? {} : { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
      ...(loaded.groups ? { 'Impersonate-Group': [...loaded.groups] } : {}),
    },
    tls: {
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(servername ? { servername } : {}),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      ...(secureContext ? { secureContext } : {}),
    },
  };
}

/** Otherwise every connection would fail, each time, and look like a network fault. */
function usable(material: SecureContextOptions): SecureContext {
  const authorityProblem = material.ca ? authorityFault(String(material.ca)) : undefined;
  if (authorityProblem) throw new ConfigError(`certificate-authority ${authorityProblem}`);
  try {
    return createSecureContext(material);
  } catch {
    throw new ConfigError('the kubeconfig holds a certificate or key that cannot be used');
  }
}
