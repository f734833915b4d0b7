import { ConfigError } from '../errors.ts';
import type { Wish } from '../plane/reviews.ts';

/**
 * `get pods`, `list pods/log`, `create deployments.apps`, `get /healthz`: as `kubectl auth can-i` takes them.
 *
 * @param namespace - empty for all of them
 * @throws {ConfigError} naming what was wanted
 */
export function parseWish(text: string, namespace: string): { question: string; wish: Wish } {
  const [verb = '', what = '', ...more] = text.trim().split(/\s+/);
  if (verb === '' || what === '' || more.length > 0) {
    throw new ConfigError(`--can-i: wanted a verb and a resource, such as 'get pods'; got '${text}'`);
  }
  const where = namespace === '' ? '' : ` in namespace ${namespace}`;
  const question = `${verb} ${what}${what.startsWith('/') ? '' : where}`;
  if (what.startsWith('/')) {
    return { question, wish: { verb, path: what, resource: '', subresource: '', group: '', namespace: '' } };
  }
  const [full = '', subresource = ''] = what.split('/');
  const dot = full.indexOf('.');
  const resource = dot < 0 ? full : full.slice(0, dot);
  const group = dot < 0 ? '' : full.slice(dot + 1);
  return { question, wish: { verb, resource, subresource, group, namespace, path: '' } };
}
