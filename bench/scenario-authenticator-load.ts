import { connect, type Socket } from 'node:net';

/**
 * Load generator, run as a process of its own so that it has a core of its own: a plan in argv, a result on stdout.
 *
 * Closed loop over raw sockets. An HTTP client costs as much as the server that is to be measured; this costs a
 * fraction, so that the server is what limits.
 */
export interface LoadPlan {
  readonly port: number;
  readonly connections: number;
  readonly bearers: BearerKind;
  /** Which of them: `first` and the `count - 1` after it; over and over while `seconds` last, or once each. */
  readonly first: number;
  readonly count: number;
  readonly seconds?: number;
}

export type BearerKind = 'ours' | 'unknown' | 'foreign';

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly latenciesMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Answers by HTTP status and verdict, such as `200 accepted`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Of the generator's own core; near 1 it was the limit, and the server could do more. */
  readonly busy: number;
}

const SECRET = 'n'.repeat(54);
/** As long as a service account's. Nobody signed it. */
const JWT_PART = 'e'.repeat(290);

export function bearer(kind: BearerKind, index: number): string {
  if (kind === 'foreign') return `${JWT_PART}.${JWT_PART}${index}.${JWT_PART}`;
  return `${kind === 'ours' ? 'token' : 'nobody'}-${index}:${secretOf(index)}`;
}

export function secretOf(index: number): string {
  return `${index}${SECRET}`.slice(0, SECRET.length);
}

/** A TokenReview as kube-apiserver sends it. */
function request(plan: LoadPlan, index: number): string {
  const spec = { token: bearer(plan.bearers, plan.first + (index % plan.count)) };
  const review = { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1' };
  const body = JSON.stringify({
    ...review,
    metadata: { creationTimestamp: null },
    spec,
    status: { user: {} },
  });
  return [
    'POST /v1/authenticate?timeout=30s HTTP/1.1',
    `Host: 127.0.0.1:${plan.port}`,
    'User-Agent: kube-apiserver',
    `Content-Length: ${body.length}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
    '',
    body,
  ].join('\r\n');
}

class Run {
  readonly #plan: LoadPlan;
  readonly #latenciesMs: number[] = [];
  readonly #answers: Record<string, number> = {};
  readonly #startMs = performance.now();
  #sent = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
  }

  async result(): Promise<LoadResult> {
    const cpu = process.cpuUsage();
    await Promise.all(Array.from({ length: this.#plan.connections }, () => this.#connection()));
    const seconds = (performance.now() - this.#startMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
    return {
      requests: sorted.length,
      seconds,
      latenciesMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
      answers: this.#answers,
      busy: (user + system) / 1e6 / seconds,
    };
  }

  #connection(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.#plan.port, noDelay: true });
      let sentAtMs = 0;
      let received = '';
      const next = (): void => {
        if (this.#isOver()) {
          socket.end();
          resolve();
          return;
        }
        sentAtMs = performance.now();
        this.#send(socket);
      };
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        received += chunk;
        const answer = answerOf(received);
        if (answer === undefined) return;
        received = '';
        this.#latenciesMs.push(performance.now() - sentAtMs);
        this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
        next();
      });
      socket.once('error', reject);
      socket.once('connect', next);
    });
  }

  #send(socket: Socket): void {
    socket.write(request(this.#plan, this.#sent), 'latin1');
    this.#sent += 1;
  }

  #isOver(): boolean {
    const { seconds, count } = this.#plan;
    return seconds === undefined ? this.#sent >= count : performance.now() - this.#startMs > seconds * 1000;
  }
}

/** What was answered; undefined while it is not all there. */
function answerOf(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1]);
  if (text.length < end + 4 + length) return undefined;
  const status = text.slice(9, 12);
  if (text.includes('"authenticated":true', end)) return `${status} accepted`;
  const error = /"error":"(\w+)/.exec(text.slice(end))?.[1];
  return error === undefined ? status : `${status} ${error}`;
}

if (process.argv[2] !== undefined && import.meta.main) {
  const result = await new Run(JSON.parse(process.argv[2]) as LoadPlan).result();
  process.stdout.write(JSON.stringify(result));
}
