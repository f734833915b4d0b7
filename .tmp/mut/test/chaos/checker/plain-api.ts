import { readFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { Agent, type RequestOptions, request as requestTls } from 'node:https';

/** An object as JSON has it. The checker looks into many shapes, and has no types of the product's. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Json = any;

const TIMEOUT_MS = 5_000;
const PAGE = 2_000;

/** One API server, read with credentials of the checker's own and nothing but HTTP. */
export class PlainApi {
  readonly server: string;
  readonly #agent: Agent;

  constructor(kubeconfigFile: string) {
    const config = JSON.parse(readFileSync(kubeconfigFile, 'utf8'));
    const pem = (base64: string): Buffer => Buffer.from(base64, 'base64');
    this.server = config.clusters[0].cluster.server;
    this.#agent = new Agent({
      keepAlive: true,
      ca: pem(config.clusters[0].cluster['certificate-authority-data']),
      cert: pem(config.users[0].user['client-certificate-data']),
      key: pem(config.users[0].user['client-key-data']),
    });
  }

  /** @throws {Error} when the answer is not 200 or none comes in time */
  async get(path: string): Promise<Json> {
    const { status, body } = await ask(this.server + path, { agent: this.#agent });
    if (status !== 200) throw new Error(`${path} answers ${status}`);
    return JSON.parse(body);
  }

  /** All objects under a path. @throws {Error} as {@link get} */
  async list(path: string): Promise<readonly Json[]> {
    const items: Json[] = [];
    let more = '';
    do {
      const page = await this.get(`${path}?limit=${PAGE}${more}`);
      items.push(...page.items);
      more = page.metadata.continue ? `&continue=${encodeURIComponent(page.metadata.continue)}` : '';
    } while (more !== '');
    return items;
  }

  /** What the API server says to a bearer: 401 is refused, 200 and 403 are let in; 0 is no answer. */
  async statusFor(bearer: string): Promise<number> {
    const headers = { authorization: `Bearer ${bearer}` };
    // A connection of its own, without a client certificate: that would win over the bearer.
    const asked = ask(`${this.server}/version`, { headers, agent: false, rejectUnauthorized: false });
    return asked.then(({ status }) => status).catch(() => 0);
  }
}

/** One request. @throws {Error} when no answer comes in time */
export function ask(
  url: string,
  options: RequestOptions & { body?: string } = {},
): Promise<{ status: number; body: string }> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestTls : requestPlain;
    const outgoing = send(url, { timeout: TIMEOUT_MS, ...rest }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('aborted', () => reject(new Error('the answer was cut off')));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
