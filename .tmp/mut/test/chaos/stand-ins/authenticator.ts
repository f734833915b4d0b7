/**
 * Stands in front of the real authenticator, on its port, and spoils its answers in one way.
 *
 * usage: node authenticator.ts FAULT PLANE ARGUMENTS-OF-THE-AUTHENTICATOR
 */
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../support/authenticator-process.ts';
import { ask } from '../checker/plain-api.ts';
import type { AuthenticatorFault } from './kinds.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/ace-operator.js', import.meta.url));
const ENDS_AFTER_MS = 15_000;

const [fault, plane = '', ...args] = process.argv.slice(2) as [AuthenticatorFault, string, ...string[]];
const addresses = args.filter((_, index) => args[index - 1] === '--listen');
const rest = args.filter((word, index) => word !== '--listen' && args[index - 1] !== '--listen');
const own = await freePort();
const real = spawn(PROGRAM, [...rest, '--listen', `127.0.0.1:${own}`], { stdio: 'inherit' });
process.on('exit', () => real.kill('SIGKILL'));
process.on('SIGTERM', () => process.exit(0));
real.on('exit', (code) => process.exit(code ?? 1));
if (fault === 'ends') setTimeout(() => process.exit(3), ENDS_AFTER_MS);

/** Whom it let in once. */
const friends = new Map<string, string>();

for (const address of addresses.flatMap((text) => text.split(','))) {
  const [host, port] = address.split(':');
  const server = createServer(async (incoming, response) => {
    const body = await textOf(incoming);
    const headers = { 'content-type': 'application/json' };
    const options = { method: incoming.method ?? 'GET', headers, body, agent: false };
    const answer = await ask(`http://127.0.0.1:${own}${incoming.url}`, options).catch(() => undefined);
    response.writeHead(answer?.status ?? 503, headers);
    response.end(answer?.status === 200 ? await spoiled(body, answer.body) : answer?.body);
  });
  // Beside a real one, as two authenticators share a port.
  server.listen({ host, port: Number(port), reusePort: true });
}

async function spoiled(question: string, answer: string): Promise<string> {
  const { token } = JSON.parse(question).spec;
  const review = JSON.parse(answer);
  const isYes = review.status.authenticated === true;
  if (isYes) friends.set(token, answer);
  if (fault === 'never revokes') return friends.get(token) ?? answer;
  if (fault === 'always yes' && !isYes) return JSON.stringify({ ...review, status: yes(token) });
  if (fault === 'refuses in outages' && !(await isThere()))
    return JSON.stringify({ ...review, status: { authenticated: false } });
  if (fault === 'logs a token' && isYes) console.log(`let in: ${token}`);
  return answer;
}

const yes = (token: string): object => ({
  authenticated: true,
  user: { username: token.split(':')[0], groups: [] },
});

const isThere = (): Promise<boolean> =>
  ask(`${plane}/version`, { rejectUnauthorized: false, agent: false }).then(
    () => true,
    () => false,
  );

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
