import type { SceneForChecker } from '../messages.ts';
import type { Answer } from './bearer.ts';
import { ask, type PlainApi } from './plain-api.ts';

/** Asks one authenticator about one bearer, as the API server would. undefined: no answer, or a fault of its own, which refuses nobody. */
export async function askWebhook(
  who: string,
  cluster: string,
  port: number,
  bearer: string,
): Promise<Answer | undefined> {
  const askedMs = Date.now();
  const body = JSON.stringify({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token: bearer },
  });
  const headers = { 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${port}/v1/authenticate`;
  const answer = await ask(url, { method: 'POST', headers, body, agent: false }).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const { status } = JSON.parse(answer.body);
  const letIn = status.authenticated === true;
  const person = letIn ? { user: status.user.username, groups: status.user.groups ?? [] } : {};
  return { who, cluster, askedMs, answeredMs: Date.now(), letIn, ...person };
}

/** Asks the API server with that bearer. */
export async function askApiServer(
  api: PlainApi,
  cluster: string,
  bearer: string,
): Promise<Answer | undefined> {
  const askedMs = Date.now();
  const status = await api.statusFor(bearer);
  if (status !== 200 && status !== 403 && status !== 401) return undefined;
  return { who: `${cluster}/api`, cluster, askedMs, answeredMs: Date.now(), letIn: status !== 401 };
}

/** Whom a cluster's people can ask. */
export function authenticatorsOf(
  scene: SceneForChecker,
  cluster: string,
): readonly { who: string; port: number }[] {
  const found = scene.clusters.find(({ id }) => id === cluster);
  return (found?.replicas ?? []).map(({ name, port }) => ({ who: name, port }));
}
